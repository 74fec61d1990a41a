//! Engines: `prostream_engine_new`, `prostream_resolve`, `prostream_open`.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prostream_core::model::{DeviceProfile, MediaId};
use prostream_core::net::Call;
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::resolve::{Viewer, release_key};
use prostream_core::{Error, ErrorKind, ProStream};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::bytes::prostream_bytes;
use crate::config::EngineConfig;
use crate::guard::guard;
use crate::handle::Handles;
use crate::out::Out;
use crate::presentation::{Opened, prostream_presentation};
use crate::status::{Failure, prostream_status};
use crate::text;

/// Names a live engine; never 0.
#[allow(non_camel_case_types)]
pub type prostream_engine = u64;

/// Time for a blocking call where the caller gives none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long freeing an engine waits for what it is still doing.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

static ENGINES: Handles<Engine> = Handles::new();

/// An engine with the threads it works on.
pub(crate) struct Engine {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    core: ProStream,
    viewer: Viewer,
    has_library: bool,
}

impl Engine {
    /// Waits for a piece of work, on the caller's thread.
    pub(crate) fn wait<T>(
        &self,
        work: impl Future<Output = prostream_core::Result<T>>,
        limit: Duration,
    ) -> Result<T, Failure> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Failure::invalid_handle("engine"))?;
        check_thread()?;
        let timed_out = || Error::new(ErrorKind::TimedOut, "wait for the answer").advise("give it more time");
        runtime.block_on(async {
            match tokio::time::timeout(limit, work).await {
                Ok(answer) => answer.map_err(Failure::from),
                Err(_) => Err(Failure::from(timed_out())),
            }
        })
    }

    /// Forgets a playback that nobody can ask for any more.
    pub(crate) fn end_playback(&self, id: &str) -> Result<(), Failure> {
        self.wait(self.core.playbacks().end(&self.viewer, id), SHUTDOWN_LIMIT)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            match check_thread() {
                Ok(()) => runtime.shutdown_timeout(SHUTDOWN_LIMIT),
                // Waiting is not allowed here: the threads end on their own.
                Err(_) => runtime.shutdown_background(),
            }
        }
    }
}

/// Refuses threads that must not block. C has none; Rust that links this crate may.
fn check_thread() -> Result<(), Failure> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Err(Failure::invalid_input("blocking calls must not be made on a thread of an async runtime")),
        Err(_) => Ok(()),
    }
}

fn limit(timeout_ms: u32) -> Duration {
    if timeout_ms == 0 { DEFAULT_TIMEOUT } else { Duration::from_millis(timeout_ms.into()) }
}

fn find(engine: prostream_engine) -> Result<Arc<Engine>, Failure> {
    ENGINES.find(engine).ok_or_else(|| Failure::invalid_handle("engine"))
}

fn read_device(name: Option<String>) -> Result<DeviceProfile, Failure> {
    let Some(text) = name else { return Ok(DeviceProfile::any()) };
    if let Some(profile) = DeviceProfile::named(&text) {
        return Ok(profile);
    }
    serde_json::from_str(&text).map_err(|_| {
        Failure::invalid_input(
            "device is neither a profile (any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay) nor the JSON of one",
        )
    })
}

/// Makes an engine. It owns two threads and a pool of connections: make one and keep it.
///
/// @param config_json NULL for the defaults, or a JSON object with any of: "data_file" (path of the records), "library" (folders whose files
///                    may be opened; without it any file), "outbound_allow" (["host:port"], exceptions to the rule that only public
///                    addresses are reached), "metadata", "indexers", "debrid" (lists of objects with "vendor" and its settings), "preferences".
/// @param out_engine  not NULL; written only on PROSTREAM_OK.
/// # Safety
/// `config_json` is NULL or points to a NUL-terminated string, `out_engine` to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_engine_new(
    config_json: *const c_char,
    out_engine: *mut prostream_engine,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (config, out) =
            unsafe { (text::read_optional(config_json, "config_json")?, Out::new(out_engine, "out_engine")?) };
        check_thread()?;
        let config: EngineConfig = match config {
            Some(config) => serde_json::from_str(&config)
                .map_err(|error| Failure::invalid_input(format!("config_json cannot be read: {error}")))?,
            None => EngineConfig::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("prostream")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "start threads").because(error))?;
        let (core, viewer, has_library) = runtime.block_on(config.build())?;
        out.write(ENGINES.insert(Engine { runtime: Some(runtime), core, viewer, has_library }));
        Ok(())
    })
}

/// Frees an engine. Presentations that it opened stay usable until they are freed; its threads end with the last of them.
///
/// @param engine a live engine handle; a stale or wrong one is PROSTREAM_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_engine_free(engine: prostream_engine) -> prostream_status {
    guard(|| ENGINES.remove(engine).map(drop).ok_or_else(|| Failure::invalid_handle("engine")))
}

/// Finds what would be played for a title, and waits for it. The answer is a JSON object: "media_id", "name", "releases" (best first, each
/// with "release", "name", "score", "reasons"), "rejected" (with "reason"), "is_partial". It holds no secret.
///
/// @param engine     a live engine handle.
/// @param media_id   such as "tt0133093" or "tt0944947:1:2".
/// @param timeout_ms milliseconds; 0 means 30 s.
/// @param out_json   not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
/// # Safety
/// `media_id` points to a NUL-terminated string, `out_json` to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_resolve(
    engine: prostream_engine,
    media_id: *const c_char,
    timeout_ms: u32,
    out_json: *mut prostream_bytes,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (media_id, out) = unsafe { (text::read(media_id, "media_id")?, Out::new(out_json, "out_json")?) };
        let engine = find(engine)?;
        let media_id: MediaId = media_id.parse()?;
        let call = Call::within(limit(timeout_ms));
        let found = engine.wait(engine.core.find_releases(&call, &engine.viewer, &media_id), limit(timeout_ms))?;
        let releases: Vec<_> = found
            .ranking
            .candidates
            .iter()
            .map(|candidate| {
                json!({
                    "release": release_key(&candidate.release),
                    "name": candidate.release.name,
                    "size_bytes": candidate.release.size_bytes,
                    "score": candidate.score,
                    "reasons": candidate.reasons,
                })
            })
            .collect();
        let rejected: Vec<_> = found
            .ranking
            .rejected
            .iter()
            .map(|rejected| json!({ "name": rejected.release.name, "reason": rejected.reason }))
            .collect();
        out.write_text(
            json!({
                "media_id": media_id,
                "name": found.title.summary.name,
                "releases": releases,
                "rejected": rejected,
                "is_partial": found.is_partial,
            })
            .to_string(),
        );
        Ok(())
    })
}

/// Opens a title for playing, the whole way from its name to its bytes, and waits for it.
///
/// @param engine     a live engine handle.
/// @param media_id   such as "tt0133093" or "tt0944947:1:2".
/// @param release    NULL for the best one, or a "release" of prostream_resolve.
/// @param device     NULL for a player that takes everything, or a profile: any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay, or the
///                   JSON of one.
/// @param timeout_ms milliseconds; 0 means 30 s.
/// @param out_presentation not NULL; written only on PROSTREAM_OK.
/// # Safety
/// Texts are NULL where that is allowed or NUL-terminated; `out_presentation` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_open_title(
    engine: prostream_engine,
    media_id: *const c_char,
    release: *const c_char,
    device: *const c_char,
    timeout_ms: u32,
    out_presentation: *mut prostream_presentation,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (media_id, release, device, out) = unsafe {
            (
                text::read(media_id, "media_id")?,
                text::read_optional(release, "release")?,
                text::read_optional(device, "device")?,
                Out::new(out_presentation, "out_presentation")?,
            )
        };
        let engine = find(engine)?;
        let mut request = StartPlayback::new(PlaybackSource::Title(media_id.parse()?));
        request.release = release;
        let opened = start(&engine, &request, read_device(device)?, limit(timeout_ms))?;
        out.write(opened.register());
        Ok(())
    })
}

/// Opens a file of this machine, or an http or https link, and waits for it.
///
/// @param engine     a live engine handle.
/// @param path_or_url a path, or an address that begins with http:// or https://.
/// @param device     as for prostream_open_title.
/// @param timeout_ms milliseconds; 0 means 30 s.
/// @param out_presentation not NULL; written only on PROSTREAM_OK.
/// # Safety
/// As for prostream_open_title.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_open(
    engine: prostream_engine,
    path_or_url: *const c_char,
    device: *const c_char,
    timeout_ms: u32,
    out_presentation: *mut prostream_presentation,
) -> prostream_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (target, device, out) = unsafe {
            (
                text::read(path_or_url, "path_or_url")?,
                text::read_optional(device, "device")?,
                Out::new(out_presentation, "out_presentation")?,
            )
        };
        let engine = find(engine)?;
        let device = read_device(device)?;
        let limit = limit(timeout_ms);
        let scheme = target.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let opened = if matches!(scheme.as_deref(), Some("http" | "https")) {
            let url = target.parse().map_err(|_| Failure::invalid_input("path_or_url is no valid address"))?;
            start(&engine, &StartPlayback::new(PlaybackSource::Url(url)), device, limit)?
        } else if engine.has_library {
            start(&engine, &StartPlayback::new(PlaybackSource::Path(target.into())), device, limit)?
        } else {
            let presentation = engine.wait(engine.core.open_file(Path::new(&target), &device), limit)?;
            Opened::file(engine, presentation)
        };
        out.write(opened.register());
        Ok(())
    })
}

fn start(
    engine: &Arc<Engine>,
    request: &StartPlayback,
    device: DeviceProfile,
    limit: Duration,
) -> Result<Opened, Failure> {
    let viewer = Viewer { device, ..engine.viewer.clone() };
    let call = Call::within(limit);
    let playback = engine.wait(engine.core.start_playback(&call, &viewer, request), limit)?;
    Ok(Opened::playback(Arc::clone(engine), &playback))
}
