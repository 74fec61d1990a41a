//! Stored indexes: whoever can write the records must not bring the server down with them.

use std::sync::Arc;

use bytes::Bytes;
use prostream_core::container::{MediaIndex, STORED_FORMAT};
use prostream_core::hls::NativePackager;
use prostream_core::model::DeviceProfile;
use prostream_core::source::{ByteSource, MemorySource};
use sha2::{Digest, Sha256};

use super::{assert_boxes, containers, playlists};

/// What stands in front of an index, and how many bytes of SHA-256 behind it.
const MAGIC: &[u8] = b"\x89PSindex";
const CHECKSUM_SIZE: usize = 16;
/// Segments of each rendition that are asked for.
const MAX_SEGMENTS: usize = 2;

/// An index whose checksum is right, whatever it says.
pub(super) fn stored(body: &[u8]) {
    let Ok(index) = MediaIndex::from_stored(&around(body)) else { return };
    assert!(index.memory_bytes() <= 64 << 20, "the index takes {} bytes", index.memory_bytes());
    let written = index.to_stored();
    let again = MediaIndex::from_stored(&written).expect("what was written is read");
    assert!(again.to_stored() == written, "an index comes back as another");
    thread_local! {
        static PACKAGER: NativePackager = NativePackager::default();
    }
    PACKAGER.with(|packager| containers::wait_for(play(packager, index)));
}

/// Plays a film by an index that knows nothing of it.
async fn play(packager: &NativePackager, index: MediaIndex) {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(Bytes::from_static(&[0; 4096])));
    let Ok(presentation) = packager.present(Arc::new(index), source, &DeviceProfile::any()) else { return };
    playlists::check(presentation.as_ref(), 1.0);
    for rendition in presentation.renditions() {
        if let Ok(init) = rendition.init().await {
            assert_boxes(&init);
        }
        let count = rendition.info().listed_durations_s().len();
        for at in (0..count.min(MAX_SEGMENTS)).chain(count.checked_sub(1)) {
            if let Ok(segment) = rendition.segment(at as u32).await {
                let _ = segment.into_bytes().await;
            }
        }
    }
}

/// A stored index around its content.
fn around(body: &[u8]) -> Vec<u8> {
    let mut stored = MAGIC.to_vec();
    stored.push(u8::try_from(STORED_FORMAT).expect("one byte as LEB128 too"));
    stored.extend_from_slice(body);
    let checksum = Sha256::digest(&stored);
    stored.extend_from_slice(&checksum[..CHECKSUM_SIZE]);
    stored
}

/// The content of a stored index.
pub(super) fn body_of(stored: &[u8]) -> &[u8] {
    &stored[MAGIC.len() + 1..stored.len() - CHECKSUM_SIZE]
}
