//! Reading release names, one thread: every search reads hundreds before the first reply. Beside the two crates that read them too.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prostream_core::release::ReleaseName;

/// Names of real releases, one JSON object a line; where they come from stands beside the file.
const CASES: &str = include_str!("../../prostream-core/tests/data/release_names/dev.jsonl");

fn parse_release_names(c: &mut Criterion) {
    let cases = CASES.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is an object"));
    let names: Vec<String> = cases.map(|case| case["name"].as_str().expect("it has a name").to_owned()).collect();
    let mut group = c.benchmark_group("release_names");
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("parse", |b| {
        b.iter(|| names.iter().map(|name| ReleaseName::parse(black_box(name))).for_each(drop));
    });
    // Theirs take seconds for all names.
    group.sample_size(10);
    group.bench_function("hunch", |b| {
        b.iter(|| names.iter().map(|name| hunch::hunch(black_box(name))).for_each(drop));
    });
    group.bench_function("parse-torrent-title", |b| {
        b.iter(|| names.iter().map(|name| parse_torrent_title::parse(black_box(name))).for_each(drop));
    });
    group.finish();
}

criterion_group!(benches, parse_release_names);
criterion_main!(benches);
