//! Subtitles from outside for what is played.

use crate::Result;
use crate::hls::subtitle_file::{FileHints, to_webvtt};
use crate::model::{ByteRange, FileHash, Language};
use crate::net::Call;
use crate::resolve::{FoundSubtitles, SubtitleRequest, Viewer};
use crate::source::ByteSource;

use super::{Playback, Playbacks};

/// A subtitle as somebody wants to see it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SubtitleWish {
    /// Which: its key ([`crate::resolve::subtitle_key`]).
    pub key: String,
    /// What its provider said of its file.
    pub hints: FileHints,
    /// How much later it is to be shown, in milliseconds; negative: earlier.
    pub shift_ms: i64,
}

impl SubtitleWish {
    /// A subtitle as it is, of whose file nothing is known.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), ..Self::default() }
    }
}

impl Playback {
    /// The hash by which subtitle services know the file: two reads of 64 KiB, which opening it has brought along for most files. `None`
    /// for a file that is too small to have one.
    ///
    /// # Errors
    /// What the source answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn file_hash(&self) -> Result<Option<FileHash>> {
        file_hash(self.source().as_ref()).await
    }
}

async fn file_hash(source: &dyn ByteSource) -> Result<Option<FileHash>> {
    let (size_bytes, end_bytes) = (source.size_bytes(), FileHash::END_BYTES as u64);
    if size_bytes < FileHash::MIN_FILE_BYTES {
        return Ok(None);
    }
    let first = source.read_at(ByteRange::with_len(0, end_bytes)).await?;
    let last = source.read_at(ByteRange::with_len(size_bytes.saturating_sub(end_bytes), end_bytes)).await?;
    Ok(FileHash::of(size_bytes, &first.into_bytes(), &last.into_bytes()))
}

impl Playbacks {
    /// Subtitles for what is played, found by its file and its title: [`crate::resolve::Resolver::find_subtitles`]. A file that cannot be
    /// read just now is looked for by its title alone.
    ///
    /// # Errors
    /// As there.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn find_subtitles(
        &self,
        call: &Call,
        viewer: &Viewer,
        playback: &Playback,
        languages: &[Language],
    ) -> Result<FoundSubtitles> {
        let file_hash = match tokio::time::timeout(call.remaining(), playback.file_hash()).await {
            Ok(Ok(file_hash)) => file_hash,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the file has no hash just now");
                None
            }
            Err(_) => None,
        };
        let mut request = SubtitleRequest::default();
        request.media_id.clone_from(&playback.record().media_id);
        request.file_hash = file_hash;
        request.file_name = Some(playback.file_name().to_owned());
        request.languages = languages.to_vec();
        self.resolver.find_subtitles(call, viewer, &request).await
    }

    /// One subtitle as WebVTT, at the times of the player's clock. It is fetched once, whatever is wished of it.
    ///
    /// # Errors
    /// What fetching ([`crate::resolve::Resolver::subtitle_file`]) and converting ([`to_webvtt`]) answer.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn subtitle(&self, call: &Call, viewer: &Viewer, wish: &SubtitleWish) -> Result<String> {
        let file = self.resolver.subtitle_file(call, viewer, &wish.key).await?;
        to_webvtt(&file, &wish.hints, wish.shift_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemorySource;

    /// Goal: the hash is that of the two ends, where they overlap too, and there is none for less.
    #[tokio::test]
    async fn files_are_hashed_by_their_ends() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
        for len in [131_072, 131_073, 300_000] {
            let file = &bytes[..len];
            let (first, last) = (&file[..FileHash::END_BYTES], &file[len - FileHash::END_BYTES..]);
            let expected = FileHash::of(len as u64, first, last);
            assert!(expected.is_some());
            assert_eq!(file_hash(&MemorySource::new(file.to_vec())).await.unwrap(), expected);
        }
        assert_eq!(file_hash(&MemorySource::new(bytes[..131_071].to_vec())).await.unwrap(), None);
    }
}
