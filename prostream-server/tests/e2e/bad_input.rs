//! What cannot be played is told: an exit code, a kind, a message and what to do next. Never a panic, never half an answer.

use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::films::block_on;
use crate::fragment;
use crate::origin::{Answer, Origin};
use crate::player::{self, Kind};
use crate::program::{self, Program};
use crate::tool::{argument, ffmpeg, run};
use crate::workshop::{film_named, mux};

/// Something that cannot be played, and how that is told.
struct Row {
    what: &'static str,
    arguments: Vec<String>,
    /// 3 not found, 4 refused or not allowed, 5 unsupported or broken, 6 try later.
    exit_code: i32,
    /// Kind of the error.
    code: &'static str,
}

fn row(what: &'static str, arguments: &[&str], exit_code: i32, code: &'static str) -> Row {
    Row { what, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), exit_code, code }
}

/// Runs a command twice, for people and for programs, and checks both answers.
fn check(command: &str, row: &Row) {
    let what = format!("{command}, {}", row.what);
    let arguments: Vec<&str> = [command].into_iter().chain(row.arguments.iter().map(String::as_str)).collect();
    let for_people = program::run(&arguments);
    let for_programs = program::run(&[&arguments[..], &["--json"]].concat());
    for output in [&for_people, &for_programs] {
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(row.exit_code), "{what}: {text}");
        assert!(!text.contains("panicked"), "{what}: {text}");
    }
    let text = String::from_utf8(for_people.stderr).expect("UTF-8");
    assert!(for_people.stdout.is_empty(), "{what}: standard output is for answers");
    assert!(text.starts_with("error: ") && text.lines().any(|line| line.starts_with("advice: ")), "{what}: {text}");
    check_problem(&what, &for_programs.stdout, row.code);
}

/// Standard output is one object that names the error.
fn check_problem(what: &str, stdout: &[u8], code: &str) {
    let text = std::str::from_utf8(stdout).expect("UTF-8");
    let answer: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}: {text:?}"));
    let keys: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["error"], "{what}: {text}");
    let problem = &answer["error"];
    assert_eq!(problem["code"], code, "{what}: {text}");
    assert!(problem["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {text}");
    assert!(problem["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{what}: {text}");
}

/// The first `part` of a file, as another file.
fn cut(file: &Path, part: f64, to: &Path) {
    let bytes = std::fs::read(file).expect("a file");
    std::fs::write(to, &bytes[..(bytes.len() as f64 * part) as usize]).expect("a file is written");
}

/// A port of the loopback that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Goal: every kind of file that is no film is told as such.
#[test]
fn bad_files_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(
        path("noise.bin"),
        (0..40_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    )
    .expect("a file is written");
    std::fs::write(path("letter.mkv"), "Dear reader,\nthis is not a film.\n".repeat(100)).expect("a file is written");
    std::fs::write(path("nothing.mp4"), "").expect("a file is written");
    let film = mux(film_named("h264-aac-moov-last.mp4"), folder.path());
    cut(&film, 0.5, &path("cut.mp4"));
    ffmpeg(&["-i", argument(&path("text.srt")), "-c", "copy", argument(&path("text.mkv"))]);
    let (attached, letter, text) = (path("attached.mkv"), path("letter.mkv"), path("text.srt"));
    run("mkvmerge", &["-q", "-o", argument(&attached), "--attach-file", argument(&letter), argument(&text)]);

    let file = |what, name: &str, exit_code, code| row(what, &[argument(&path(name))], exit_code, code);
    let unreadable = [
        file("unknown container", "noise.bin", 5, "unsupported"),
        file("text", "letter.mkv", 5, "unsupported"),
        file("empty file", "nothing.mp4", 5, "unsupported"),
        file("MP4 cut off before its moov", "cut.mp4", 5, "malformed"),
        file("no such file", "absent.mkv", 3, "not_found"),
        row("a folder", &[argument(folder.path())], 2, "invalid_input"),
    ];
    for row in &unreadable {
        check("play", row);
        check("probe", row);
    }
    // `probe` shows what these hold; nothing of it can be played.
    for row in [
        file("subtitles only", "text.mkv", 5, "unsupported"),
        file("subtitles and attachments only", "attached.mkv", 5, "unsupported"),
    ] {
        check("play", &row);
        let output = program::run(&["probe", &row.arguments[0], "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(0), "{}: {report}", row.what);
        assert_eq!(report["cuts_s"], Value::Array(Vec::new()), "{}: {report}", row.what);
        assert!(report["problem"].is_string(), "{}: {report}", row.what);
    }
}

/// Goal: hosts that refuse, fail, are not there or serve something else are told, each as what it is.
#[test]
fn bad_hosts_are_told() {
    let html = "<!DOCTYPE html><html><title>Your link has expired</title></html>";
    let forbidden = Origin::start([]);
    let told = |path: &str, status| (path.to_owned(), Answer::Told(status, "text/plain", "no"));
    let origin = Origin::start([
        told("/401", 401),
        told("/403", 403),
        told("/404", 404),
        told("/410", 410),
        told("/429", 429),
        told("/500", 500),
        told("/503", 503),
        ("/html".to_owned(), Answer::Told(200, "text/html; charset=utf-8", html)),
        ("/letter".to_owned(), Answer::Told(200, "text/plain", "Dear reader, this is not a film.")),
        ("/inside".to_owned(), Answer::Moved(302, forbidden.url("/film.mkv"))),
        ("/disk".to_owned(), Answer::Moved(302, "file:///etc/hostname".to_owned())),
        ("/round".to_owned(), Answer::Moved(302, "/round".to_owned())),
    ]);
    let allowed = origin.authority();
    let link = |what, path: &str, exit_code, code| {
        row(what, &[&origin.url(path), "--allow-outbound", &allowed], exit_code, code)
    };
    let nobody = format!("127.0.0.1:{}", closed_port());
    let rows = [
        link("host answers 401", "/401", 4, "unauthorized"),
        link("host answers 403", "/403", 4, "forbidden"),
        link("host answers 404", "/404", 3, "not_found"),
        link("host answers 410", "/410", 3, "not_found"),
        link("host answers 429", "/429", 6, "rate_limited"),
        link("host answers 500", "/500", 6, "unavailable"),
        link("host answers 503", "/503", 6, "unavailable"),
        link("HTML instead of media", "/html", 6, "unavailable"),
        link("text instead of media", "/letter", 5, "unsupported"),
        link("redirect to a forbidden address", "/inside", 4, "forbidden"),
        link("redirect to a file", "/disk", 4, "forbidden"),
        link("redirects in a circle", "/round", 5, "limit_exceeded"),
        row("nobody listens", &[&format!("http://{nobody}/film.mkv"), "--allow-outbound", &nobody], 6, "unavailable"),
        row("forbidden address", &[&forbidden.url("/film.mkv")], 4, "forbidden"),
        row("forbidden name", &[&forbidden.url("/film.mkv").replace("127.0.0.1", "localhost")], 4, "forbidden"),
        row("credentials in a link", &["http://someone:secret@127.0.0.1/film.mkv"], 4, "forbidden"),
    ];
    for row in &rows {
        check("play", row);
        check("probe", row);
    }
    assert!(forbidden.seen().is_empty(), "a forbidden address is never asked: {:?}", forbidden.seen());
}

/// Goal: arguments that make no sense end with exit code 2 and a message, for programs as an object.
#[test]
fn wrong_arguments_are_told() {
    for arguments in [
        &["play"][..],
        &["probe"],
        &["play", "--no-such-flag", "film.mkv"],
        &["play", "film.mkv", "--listen", "nowhere"],
        &["play", "film.mkv", "--allow-outbound", "no-port"],
        &["play", "ftp://example.com/film.mkv"],
        &["play", "http://[::1]:99999/film.mkv"],
        &["no-such-command"],
    ] {
        let what = format!("{arguments:?}");
        let output = program::run(arguments);
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{what}: {text}");
        assert!(output.stdout.is_empty(), "{what}: standard output is for answers");
        assert!(text.starts_with("error: ") && text.contains("--help"), "{what}: {text}");
        let output = program::run(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(2), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        check_problem(&what, &output.stdout, "invalid_input");
    }
}

/// Is this an error as the API tells them (RFC 9457)?
fn is_problem(response: &reqwest::Response) -> bool {
    response.headers().get("content-type").is_some_and(|media_type| media_type == "application/problem+json")
}

/// Goal: a Matroska file that was cut off in the middle plays as far as it goes, the same bytes as the whole file; what is missing is told
/// as such, and the program goes on.
#[test]
fn half_a_matroska_film_plays_its_half() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["h264-aac-cues-first.mkv", "h264-aac-cues-last.mkv"] {
        let whole = mux(film_named(name), folder.path());
        let half = folder.path().join("half.mkv");
        cut(&whole, 0.6, &half);
        let listen = ["--listen", "127.0.0.1:0"];
        let programs = [&whole, &half].map(|file| Program::start(&[&["play", argument(file)], &listen[..]].concat()));
        block_on(async {
            let client = player::client();
            let [whole, half] = [
                player::open(&client, &programs[0].address("hls_url")).await,
                player::open(&client, &programs[1].address("hls_url")).await,
            ];
            for kind in [Kind::Video, Kind::Audio] {
                let of = |presentation: &player::Presentation| {
                    presentation.playlists.iter().find(|playlist| playlist.kind == kind).expect("a rendition").clone()
                };
                let (whole, half) = (of(&whole), of(&half));
                // The first eight of fourteen seconds and a little more: segments up to 6 s are complete.
                for index in 0..2 {
                    let (one, other) = (&whole.segments[index].1, &half.segments[index].1);
                    let same = player::fetch(&client, one).await == player::fetch(&client, other).await;
                    assert!(same, "{name}: {kind:?} segment {index} is that of the whole film");
                }
                // The last one holds what there is of it, or is an error of its own.
                let response = player::ask(&client, &half.segments.last().expect("segments").1).await;
                let (status, is_problem) = (response.status(), is_problem(&response));
                let body = response.bytes().await.expect("a body");
                if status == 200 {
                    assert!(!fragment::samples(&body).is_empty(), "{name}: {kind:?}, last segment");
                } else {
                    assert!(is_problem, "{name}: {kind:?}, last segment: {status}");
                }
                player::fetch(&client, &half.segments[0].1).await;
            }
        });
        programs.into_iter().for_each(Program::stop);
    }
}
