//! Making segments, from a file in memory: opens it and makes every segment of every rendition. All else in playing is moving bytes.

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use prostream_benches::media;
use prostream_core::container;
use prostream_core::hls::{NativePackager, PackagerConfig};
use prostream_core::model::DeviceProfile;
use prostream_core::source::{ByteSource, MemorySource};
use prostream_core::{Error, Result};

const FILM_S: u32 = 60;

/// The bytes of all segments, counted as they come: what a server does, without the network.
async fn package(source: Arc<dyn ByteSource>) -> Result<u64> {
    let index = Arc::new(container::open(&source).await?);
    let film = NativePackager::new(PackagerConfig::default()).present(index, source, &DeviceProfile::any())?;
    let mut size_bytes = 0;
    for rendition in film.renditions() {
        for segment in 0..rendition.info().listed_durations_s().len() {
            let mut segment = rendition.segment(u32::try_from(segment).unwrap_or(u32::MAX)).await?;
            while let Some(piece) = segment.body.next().await {
                size_bytes += piece?.len() as u64;
            }
        }
    }
    Ok::<_, Error>(size_bytes)
}

fn segments(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("threads start");
    let folder = tempfile::tempdir().expect("a folder");
    let clip = media::clip(folder.path(), "1280x720", "5M").expect("ffmpeg makes a clip");
    let mut group = c.benchmark_group("segments");
    for film in media::films(folder.path(), &clip, FILM_S).expect("ffmpeg makes films") {
        let bytes = std::fs::read(&film.path).expect("the film can be read");
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(bytes));
        let packaged = runtime.block_on(package(Arc::clone(&source))).expect("it can be packaged");
        assert!(packaged > film.size_bytes / 10 * 9, "only {packaged} bytes of {}", film.size_bytes);
        group.throughput(Throughput::Bytes(film.size_bytes));
        group.bench_function(film.name, |b| {
            b.iter(|| runtime.block_on(package(Arc::clone(&source))).expect("it can be packaged"));
        });
    }
    group.finish();
}

criterion_group!(benches, segments);
criterion_main!(benches);
