//! The corpora of the fuzz targets, replayed through the same functions without a fuzzer, and what is quicker to try out than to fuzz:
//! files that end at every byte, and headers of which each byte is another.

mod bounds;
#[path = "../../fuzz/src/targets/mod.rs"]
#[allow(dead_code, reason = "shared with the fuzzer")]
mod targets;

use std::path::{Path, PathBuf};

use bounds::Bounds;
use targets::{TARGETS, Target};

/// Fewest seeds of a container (PARSE-04) and of anything else.
const MIN_CONTAINER_SEEDS: usize = 200;
const MIN_SEEDS: usize = 10;
/// Files that are cut at every byte, of each container, and headers that are changed byte by byte.
const CUT_FILES: usize = 10;
const CHANGED_HEADERS: usize = 5;
/// As much of a file as is called its header there.
const HEADER_BYTES: usize = 1200;
/// Stored indexes that are seeds, of each container.
const STORED_SEEDS: usize = 20;

/// The seeds of a corpus, in order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn target(name: &str) -> &'static Target {
    targets::find(name).unwrap()
}

/// Seeds of a container that are spread over all layouts, the smallest of those that differ in their first bytes of a name: small files, and
/// the same on every run.
fn small_files(name: &str, count: usize) -> Vec<Vec<u8>> {
    let mut seeds = corpus(name);
    seeds.sort_by_key(|(path, bytes)| (bytes.len(), path.clone()));
    // Among the smaller half, evenly.
    let half = seeds.len() / 2;
    (0..count).map(|at| seeds[at * half / count].1.clone()).collect()
}

/// Goal: no seed, and nothing that ever crashed a target, does it harm: no panic, a second for each, 64 MiB for all.
#[test]
fn corpora_do_no_harm() {
    let bounds = Bounds::start();
    for target in TARGETS {
        let seeds = corpus(target.corpus);
        let fewest = if target.is_container() { MIN_CONTAINER_SEEDS } else { MIN_SEEDS };
        assert!(seeds.len() >= fewest, "{}: {} seeds", target.name, seeds.len());
        for (path, seed) in seeds {
            println!("{} {}", target.name, path.display());
            bounds.check(|| (target.run)(&seed));
        }
    }
    bounds.finish();
}

/// Goal: every target has a corpus, and every corpus a target.
#[test]
fn corpora_belong_to_targets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.corpus == name), "no target for the corpus {name}");
    }
}

/// Goal: the seeds of stored indexes are of today's form. `PROSTREAM_WRITE_GENERATED=1` writes them anew.
#[test]
fn seeds_of_stored_indexes_are_of_today() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/stored");
    for container in ["mp4", "matroska"] {
        // Those that muxers made: what fuzzing adds changes nothing.
        let mut films = corpus(container);
        films.retain(|(path, _)| path.file_stem().is_some_and(|name| name.len() != 40));
        let step = films.len() / STORED_SEEDS;
        for (number, (_, film)) in films.iter().step_by(step).take(STORED_SEEDS).enumerate() {
            let Some(seed) = targets::stored_index(film) else { continue };
            let path = folder.join(format!("{number:02}.{container}"));
            if std::env::var_os("PROSTREAM_WRITE_GENERATED").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &seed).unwrap();
            }
            assert!(std::fs::read(&path).is_ok_and(|kept| kept == seed), "{} is of another form", path.display());
        }
    }
}

/// Goal: the seeds of containers are films that open, so that mutations start from what is read to its end.
#[test]
fn seeds_of_containers_open() {
    for name in ["mp4", "matroska"] {
        let seeds = corpus(name);
        let opened = seeds.iter().filter(|(_, seed)| targets::opens(seed)).count();
        assert!(opened * 10 >= seeds.len() * 9, "{opened} of {} {name} seeds open", seeds.len());
    }
}

/// Goal: a file may end anywhere.
/// Method: 20 small files, each cut at every byte.
#[test]
fn files_may_end_at_every_byte() {
    let bounds = Bounds::start();
    for (name, target) in [("mp4", target("mp4_header")), ("matroska", target("matroska_header"))] {
        for file in small_files(name, CUT_FILES) {
            for end in 0..file.len() {
                bounds.check(|| (target.run)(&file[..end]));
            }
        }
    }
    bounds.finish();
}

/// Goal: each byte of a header may be wrong.
/// Method: ten headers; each of their bytes is flipped as a whole, in its lowest and in its highest bit.
#[test]
fn every_byte_of_a_header_may_be_wrong() {
    let bounds = Bounds::start();
    for (name, target) in [("mp4", target("mp4_header")), ("matroska", target("matroska_header"))] {
        for mut file in small_files(name, CHANGED_HEADERS) {
            for at in 0..file.len().min(HEADER_BYTES) {
                for change in [0xFF, 0x01, 0x80] {
                    file[at] ^= change;
                    bounds.check(|| (target.run)(&file));
                    file[at] ^= change;
                }
            }
        }
    }
    bounds.finish();
}
