//! One program for all targets: `PROSTREAM_FUZZ_TARGET` says which, libFuzzer reads the other arguments. `fuzz/run.sh` starts it.
#![no_main]

mod mutate;
#[allow(dead_code, reason = "some of it is for the test that replays the corpora")]
mod targets;

use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use peak_alloc::PeakAlloc;
use targets::{Structure, Target};

/// Counts what is allocated: libFuzzer's own limit needs a sanitizer.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most memory that one input may make us hold at a time (PARSE-04).
const MAX_BYTES: usize = 64 << 20;

/// Longest time that one input may take (PARSE-04), of the processor: a machine that does other things too stops the clock on the wall for
/// longer than that.
const MAX_TIME: Duration = Duration::from_secs(1);

fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

fn target() -> &'static Target {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("PROSTREAM_FUZZ_TARGET").unwrap_or_default();
        targets::find(&name).unwrap_or_else(|| {
            let names: Vec<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
            eprintln!("PROSTREAM_FUZZ_TARGET must name a target: {}", names.join(" "));
            std::process::exit(2);
        })
    })
}

fuzz_target!(|data: &[u8]| {
    let target = target();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let started = processor_time();
    (target.run)(data);
    let taken = processor_time().saturating_sub(started);
    assert!(taken <= MAX_TIME, "it took {taken:?}");
    let held = MEMORY.peak_usage().saturating_sub(before);
    assert!(held <= MAX_BYTES, "{held} bytes were held at a time");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let plain = |data: &mut [u8], size: usize, max_size: usize| libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    // One in four is left to libFuzzer, which knows what made a difference before.
    let format = match target().structure {
        Structure::Boxes if seed % 4 > 0 => &mutate::BOXES,
        Structure::Elements if seed % 4 > 0 => &mutate::ELEMENTS,
        _ => return plain(data, size, max_size),
    };
    match mutate::mutate(format, &data[..size], seed, plain) {
        Some(changed) if changed.len() <= max_size && !changed.is_empty() => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        _ => plain(data, size, max_size),
    }
});
