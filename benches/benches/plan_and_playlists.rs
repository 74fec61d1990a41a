//! From the index of a film to its playlists: what stands between opening a file and the first answer to a player.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use prostream_benches::media;
use prostream_core::container;
use prostream_core::hls::{NativePackager, PackagerConfig, playlist};
use prostream_core::model::DeviceProfile;
use prostream_core::source::{ByteSource, MemorySource};

/// Length of a film.
const FILM_S: u32 = 2 * 3600;

fn plan_and_playlists(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("threads start");
    let folder = tempfile::tempdir().expect("a folder");
    // Little picture, so that two hours fit into memory: planning looks at times and sizes only.
    let clip = media::clip(folder.path(), "160x90", "50k").expect("ffmpeg makes a clip");
    let packager = NativePackager::new(PackagerConfig::default());
    let device = DeviceProfile::any();
    let mut group = c.benchmark_group("plan_and_playlists");
    for film in media::films(folder.path(), &clip, FILM_S).expect("ffmpeg makes films") {
        let bytes = std::fs::read(&film.path).expect("the film can be read");
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(bytes));
        group.bench_function(format!("open {}", film.name), |b| {
            b.iter(|| runtime.block_on(container::open(black_box(&source))).expect("it opens"));
        });
        // Read anew for each: a presentation may leave in the index what it learned.
        let index = || Arc::new(runtime.block_on(container::open(&source)).expect("it opens"));
        group.bench_function(format!("playlists {}", film.name), |b| {
            b.iter_batched(
                index,
                |index| {
                    let film = packager.present(index, Arc::clone(&source), &device).expect("it can be packaged");
                    let media =
                        film.renditions().iter().map(|rendition| playlist::media(film.as_ref(), rendition.info()));
                    let size: usize = media.map(|text| text.len()).sum();
                    (playlist::multivariant(film.as_ref()), size)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, plan_and_playlists);
criterion_main!(benches);
