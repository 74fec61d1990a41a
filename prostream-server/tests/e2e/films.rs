//! Every film arrives as it was: from disk, over HTTP and through the whole way from title to bytes; in whatever order it is asked for.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};
use url::Url;

use crate::check::{Original, check};
use crate::origin::{Answer, Origin};
use crate::player::{self, Fetched, Kind, Presentation};
use crate::program::Program;
use crate::workshop::{FILMS, Film, mux};

/// Films that are worked on at a time.
const WORKER_COUNT: usize = 3;

/// Runs a future to its end, on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Fetches everything, in an order of its own.
fn watch(hls_url: &Url, seed: u64) -> (Presentation, Vec<Fetched>) {
    block_on(async {
        let client = player::client();
        let presentation = player::open(&client, hls_url).await;
        let fetched = player::fetch_all(&client, &presentation, seed).await;
        (presentation, fetched)
    })
}

/// Two processes serve the same bytes: playlists, init segments and segments.
fn assert_same(one: &(Presentation, Vec<Fetched>), other: &(Presentation, Vec<Fetched>)) {
    assert_eq!(one.0.multivariant, other.0.multivariant, "multivariant playlists");
    assert_eq!(one.0.playlists.len(), other.0.playlists.len());
    let renditions = one.0.playlists.iter().zip(&other.0.playlists).zip(one.1.iter().zip(&other.1));
    for ((playlist, other_playlist), (fetched, other_fetched)) in renditions {
        assert_eq!(playlist.path, other_playlist.path);
        assert_eq!(playlist.text, other_playlist.text, "{}", playlist.path);
        assert!(fetched.init == other_fetched.init, "{}: init segments differ", playlist.path);
        let differs = fetched.segments.iter().zip(&other_fetched.segments).position(|(one, other)| one != other);
        assert_eq!(differs, None, "{}: first segment that differs", playlist.path);
    }
}

/// Plays a film from disk and over HTTP, and compares both with the file.
fn play(film: &Film, origin: &Origin, file: &Path, seed: u64) {
    let from_disk = Program::start(&["play", crate::tool::argument(file), "--listen", "127.0.0.1:0"]);
    let link = origin.url(&format!("/{}", film.name));
    let arguments = ["play", &link, "--listen", "127.0.0.1:0", "--allow-outbound", &origin.authority()];
    let over_http = Program::start(&arguments);
    let one = watch(&from_disk.address("hls_url"), seed);
    let other = watch(&over_http.address("hls_url"), !seed);
    from_disk.stop();
    over_http.stop();
    assert_same(&one, &other);
    assert_eq!(one.0.playlists.len(), film.track_count(), "every track is a rendition:\n{}", one.0.multivariant);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let checked = check(Original { file, is_matroska: film.is_matroska() }, &one.0, &one.1, folder.path());
    assert!(checked.repeated_cues.iter().all(|count| *count > 0), "cues over a cut: {checked:?}");
    let start = one.0.multivariant.lines().find_map(|line| line.strip_prefix("#EXT-X-START:"));
    let start_s = start.and_then(|start| player::attribute(start, "TIME-OFFSET")?.parse::<f64>().ok());
    if film.name.contains("trimmed") {
        let start_s = start_s.expect("pictures that are cut off are told");
        assert!((start_s - checked.offset_s).abs() < 0.001, "begins at {start_s} s, not at {} s", checked.offset_s);
    } else {
        assert_eq!(start_s, None, "{}", one.0.multivariant);
    }
    if film.name.contains("two-languages") {
        let sound = one.0.playlists.iter().filter(|playlist| playlist.kind == Kind::Audio);
        let languages: Vec<Option<&str>> = sound.map(|playlist| playlist.language.as_deref()).collect();
        assert_eq!(languages, [Some("en"), Some("fr")]);
    }
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Goal: for every container and codec that is packaged, the packets of each track arrive with the same payload, in the same order, at the
/// same times but for one constant, and the cues of subtitles with them; from disk and over HTTP, in whatever order segments are asked for.
///
/// Method: at least 24 generated films, each served by two processes of the program; what both give is compared with each other byte by
/// byte, and with what ffmpeg and ffprobe read in the file. `PROSTREAM_E2E_FILM` picks the films whose names contain it; into the
/// folder that `PROSTREAM_E2E_KEEP` names they are copied, for other validators.
#[test]
fn every_packet_arrives_as_it_was() {
    assert!(FILMS.len() >= 24);
    let wanted = std::env::var("PROSTREAM_E2E_FILM").unwrap_or_default();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = FILMS.iter().map(|film| {
        let own = folder.path().join(film.name);
        (format!("/{}", film.name), Answer::File(own.join(film.name)))
    });
    let origin = Origin::start(files);
    let jobs: Mutex<VecDeque<&Film>> = Mutex::new(FILMS.iter().filter(|film| film.name.contains(&wanted)).collect());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKER_COUNT {
            scope.spawn(|| {
                while let Some(film) = { jobs.lock().expect("nobody panics with the lock").pop_front() } {
                    let own = folder.path().join(film.name);
                    let played = catch_unwind(AssertUnwindSafe(|| {
                        std::fs::create_dir(&own).expect("a folder of its own");
                        let file = mux(film, &own);
                        if let Some(keep) = std::env::var_os("PROSTREAM_E2E_KEEP") {
                            std::fs::copy(&file, Path::new(&keep).join(film.name)).expect("a film is kept");
                        }
                        play(film, &origin, &file, film.name.len() as u64);
                    }));
                    if let Err(panic) = played {
                        let failure = format!("{}: {}", film.name, told(&*panic));
                        failures.lock().expect("nobody panics with the lock").push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with the lock");
    assert!(failures.is_empty(), "{} films failed:\n{}", failures.len(), failures.join("\n\n"));
}

/// Starts a playback through the API of a demo and gives what it answers.
pub(crate) async fn start_playback(demo: &Program, media_id: &str) -> Value {
    let mut url = demo.address("api_url");
    url.path_segments_mut().expect("an http address").pop_if_empty().push("playbacks");
    let token = demo.ready["access_token"].as_str().expect("an access token");
    let request = player::client().post(url).bearer_auth(token).header("content-type", "application/json");
    let response = request.body(json!({ "media_id": media_id }).to_string()).send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("UTF-8");
    assert_eq!(status, 201, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// An address in an answer of the API, which may be relative to it.
pub(crate) fn address_in(demo: &Program, answer: &Value, name: &str) -> Url {
    let text = answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"));
    demo.address("api_url").join(text).expect("an address")
}

/// Goal: the same over the whole way: a media id becomes releases, a link and a film, and that film arrives as it was.
///
/// Method: `demo` with its stand-ins; the original is what `file_url` gives, and is the film that the program ships.
#[test]
fn every_packet_of_the_demo_arrives_as_it_was() {
    let demo = Program::start(&["demo", "--listen", "127.0.0.1:0"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for media_id in ["tmdb:movie:900001", "tmdb:movie:900003"] {
        let answer = block_on(start_playback(&demo, media_id));
        let original = block_on(player::fetch(&player::client(), &address_in(&demo, &answer, "file_url")));
        assert!(original == include_bytes!("../../assets/demo-film.mkv"), "{media_id}: file_url gives the film");
        let file = folder.path().join("film.mkv");
        std::fs::write(&file, original).expect("a file is written");
        let (presentation, fetched) = watch(&address_in(&demo, &answer, "hls_url"), 7);
        check(Original { file: &file, is_matroska: true }, &presentation, &fetched, folder.path());
    }
    demo.stop();
}
