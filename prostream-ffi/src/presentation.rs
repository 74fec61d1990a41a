//! Presentations: playlists, init segments, segments.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prostream_core::hls::extras;
use prostream_core::hls::playlist::{self, FileKind, MULTIVARIANT_NAME, RenditionFile};
use prostream_core::hls::{Presentation, Rendition};
use prostream_core::playback::Playback;
use prostream_core::{Error, ErrorKind};
use serde_json::json;

use crate::bytes::prostream_bytes;
use crate::engine::Engine;
use crate::guard::guard;
use crate::handle::Handles;
use crate::out::Out;
use crate::status::{Failure, prostream_status};
use crate::text;

/// Names a live presentation; never 0.
#[allow(non_camel_case_types)]
pub type prostream_presentation = u64;

/// Longest wait for the bytes of one segment.
const READ_LIMIT: Duration = Duration::from_secs(60);

static PRESENTATIONS: Handles<Opened> = Handles::new();

/// A presentation with what it lives on.
pub(crate) struct Opened {
    presentation: Arc<dyn Presentation>,
    /// The record that the engine keeps of it, unless it is a plain file.
    playback_id: Option<String>,
    // Dropped after the presentation: its threads do the reading.
    engine: Arc<Engine>,
}

impl Opened {
    pub(crate) fn file(engine: Arc<Engine>, presentation: Arc<dyn Presentation>) -> Self {
        Self { presentation, playback_id: None, engine }
    }

    pub(crate) fn playback(engine: Arc<Engine>, playback: &Playback) -> Self {
        let presentation = Arc::clone(playback.presentation());
        Self { presentation, playback_id: Some(playback.id().to_owned()), engine }
    }

    /// Gives it a handle.
    pub(crate) fn register(self) -> prostream_presentation {
        PRESENTATIONS.insert(self)
    }

    /// The whole of one segment.
    fn segment(&self, rendition: &dyn Rendition, index: u32) -> Result<Bytes, Failure> {
        self.engine.wait(async { rendition.segment(index).await?.into_bytes().await }, READ_LIMIT)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(id) = self.playback_id.take() {
            // Nobody can ask for it any more. A record that cannot be removed now ends by itself.
            let _ = self.engine.end_playback(&id);
        }
    }
}

fn find(presentation: prostream_presentation) -> Result<Arc<Opened>, Failure> {
    PRESENTATIONS.find(presentation).ok_or_else(|| Failure::invalid_handle("presentation"))
}

fn rendition(opened: &Opened, index: u32) -> Result<&dyn Rendition, Failure> {
    let found = usize::try_from(index).ok().and_then(|index| opened.presentation.renditions().get(index));
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "find rendition").detail("there are fewer").into())
}

/// Frees a presentation. Bytes that it gave stay valid until they are given back.
///
/// @param presentation a live presentation handle; a stale or wrong one is PROSTREAM_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_presentation_free(presentation: prostream_presentation) -> prostream_status {
    guard(|| PRESENTATIONS.remove(presentation).map(drop).ok_or_else(|| Failure::invalid_handle("presentation")))
}

/// Says what a presentation holds, as a JSON object: "segment_count", "variant_id", "renditions" (in order, each with "name", "kind",
/// "codec", "language", "segment_durations_s"), "tracks" (all of the file).
///
/// @param presentation a live presentation handle.
/// @param out_json     not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `out_json` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_describe(
    presentation: prostream_presentation,
    out_json: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let out = unsafe { Out::new(out_json, "out_json") }?;
        let opened = find(presentation)?;
        let presentation = &opened.presentation;
        let renditions: Vec<_> = presentation
            .renditions()
            .iter()
            .map(|rendition| {
                let info = rendition.info();
                json!({
                    "name": info.name,
                    "kind": info.track.kind,
                    "codec": info.track.codec_string,
                    "language": info.track.language,
                    "segment_durations_s": info.segment_durations_s,
                })
            })
            .collect();
        out.write_text(
            json!({
                "segment_count": presentation.cuts().segment_count(),
                "variant_id": presentation.variant_id(),
                "renditions": renditions,
                "tracks": presentation.tracks(),
            })
            .to_string(),
        );
        Ok(())
    })
}

/// The multivariant playlist. Its addresses are relative, such as "p3c1/video-1/index.m3u8": prostream_read takes each of them.
///
/// @param presentation a live presentation handle.
/// @param out_text     not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `out_text` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_playlist(
    presentation: prostream_presentation,
    out_text: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let out = unsafe { Out::new(out_text, "out_text") }?;
        out.write_text(playlist::multivariant(find(presentation)?.presentation.as_ref()));
        Ok(())
    })
}

/// The media playlist of one rendition.
///
/// @param presentation    a live presentation handle.
/// @param rendition_index from 0, in the order of prostream_describe; PROSTREAM_NOT_FOUND beyond the last.
/// @param out_text        not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `out_text` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_media_playlist(
    presentation: prostream_presentation,
    rendition_index: u32,
    out_text: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let out = unsafe { Out::new(out_text, "out_text") }?;
        let opened = find(presentation)?;
        let rendition = rendition(&opened, rendition_index)?;
        out.write_text(playlist::media(opened.presentation.as_ref(), rendition.info()));
        Ok(())
    })
}

/// The init segment of one rendition; empty for subtitles.
///
/// @param presentation    a live presentation handle.
/// @param rendition_index from 0, in the order of prostream_describe; PROSTREAM_NOT_FOUND beyond the last.
/// @param out_bytes       not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `out_bytes` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_init_segment(
    presentation: prostream_presentation,
    rendition_index: u32,
    out_bytes: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let out = unsafe { Out::new(out_bytes, "out_bytes") }?;
        let opened = find(presentation)?;
        let rendition = rendition(&opened, rendition_index)?;
        out.write_bytes(opened.engine.wait(rendition.init(), READ_LIMIT)?);
        Ok(())
    })
}

/// One segment of one rendition, whole. Waits for its bytes, at most a minute.
///
/// @param presentation    a live presentation handle.
/// @param rendition_index from 0, in the order of prostream_describe.
/// @param segment_index   from 0; PROSTREAM_NOT_FOUND beyond the last.
/// @param out_bytes       not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `out_bytes` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_segment(
    presentation: prostream_presentation,
    rendition_index: u32,
    segment_index: u32,
    out_bytes: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let out = unsafe { Out::new(out_bytes, "out_bytes") }?;
        let opened = find(presentation)?;
        let rendition = rendition(&opened, rendition_index)?;
        out.write_bytes(opened.segment(rendition, segment_index)?);
        Ok(())
    })
}

/// Whatever a playlist names, by its relative address: "main.m3u8", "p3c1/video-1/index.m3u8", "p3c1/video-1/init.mp4",
/// "p3c1/video-1/12.m4s", "p3c1/text-3/12.vtt". For programs that answer a player's requests themselves.
///
/// @param presentation a live presentation handle.
/// @param name         relative to the multivariant playlist.
/// @param out_bytes    not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `name` points to a NUL-terminated string, `out_bytes` to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_read(
    presentation: prostream_presentation,
    name: *const c_char,
    out_bytes: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (name, out) = unsafe { (text::read(name, "name")?, Out::new(out_bytes, "out_bytes")?) };
        let opened = find(presentation)?;
        let presentation = opened.presentation.as_ref();
        if name == MULTIVARIANT_NAME {
            out.write_text(playlist::multivariant(presentation));
            return Ok(());
        }
        // The playlist names it.
        if name == extras::CHAPTERS_JSON_NAME {
            out.write_text(extras::chapters_json(&presentation.chapters()));
            return Ok(());
        }
        let file: RenditionFile = name.parse()?;
        let rendition = file.find(presentation)?;
        match file.kind {
            FileKind::Playlist => out.write_text(playlist::media(presentation, rendition.info())),
            FileKind::KeyframePlaylist => {
                let missing = || Error::new(ErrorKind::NotFound, "find rendition");
                out.write_text(playlist::keyframes(rendition.info()).ok_or_else(missing)?);
            }
            FileKind::Init(number) => out.write_bytes(opened.engine.wait(rendition.init_after(number), READ_LIMIT)?),
            FileKind::Segment(index) | FileKind::TextSegment(index) => {
                out.write_bytes(opened.segment(rendition.as_ref(), index)?);
            }
            FileKind::Script => {
                let read = async { rendition.script().await?.into_bytes().await };
                out.write_bytes(opened.engine.wait(read, READ_LIMIT)?);
            }
            FileKind::Keyframe(index) => {
                let read = async { rendition.keyframe(index).await?.into_bytes().await };
                out.write_bytes(opened.engine.wait(read, READ_LIMIT)?);
            }
        }
        Ok(())
    })
}
