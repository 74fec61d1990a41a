//! What playing costs a host: its log of requests.

use std::time::Duration;

use crate::films::block_on;
use crate::origin::{Answer, Origin};
use crate::player::{self, Kind};
use crate::program::Program;
use crate::workshop::{LONG_FILMS, mux};

/// Long enough for whatever an answer set going to reach the host.
const SETTLING: Duration = Duration::from_millis(400);

/// Smallest film that is worth counting at: head and tail must not be nearly all of it.
const LEAST_BYTES: u64 = 20 << 20;

/// Goal: at most 3 requests until the multivariant and all media playlists are answered, at most 1 more for the first segment of video, at
/// most 2 for a segment at 75 %; wherever the index of the file lies. What goes on in the background counts.
#[test]
fn requests_are_few() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut failures = Vec::new();
    for film in LONG_FILMS {
        let file = mux(film, folder.path());
        let size = std::fs::metadata(&file).expect("a file").len();
        assert!(size >= LEAST_BYTES, "{}: only {size} bytes", film.name);
        let path = format!("/{}", film.name);
        let origin = Origin::start([(path.clone(), Answer::File(file))]);
        let link = origin.url(&path);
        let arguments = ["play", &link, "--listen", "127.0.0.1:0", "--allow-outbound", &origin.authority()];
        let program = Program::start(&arguments);
        let count = || {
            std::thread::sleep(SETTLING);
            origin.seen().len()
        };
        let counts = block_on(async {
            let client = player::client();
            let presentation = player::open(&client, &program.address("hls_url")).await;
            let opened = count();
            let video = presentation.playlists.iter().find(|playlist| playlist.kind == Kind::Video).expect("video");
            player::fetch(&client, video.init.as_ref().expect("an init segment")).await;
            player::fetch(&client, &video.segments[0].1).await;
            let begun = count();
            player::fetch(&client, &video.segments[video.segments.len() * 3 / 4].1).await;
            [opened, begun - opened, count() - begun]
        });
        program.stop();
        if counts.iter().zip([3, 1, 2]).any(|(count, most)| *count > most) {
            let seen: Vec<String> = origin.seen().iter().map(ToString::to_string).collect();
            failures.push(format!("{}: {counts:?} requests, at most [3, 1, 2]:\n{}", film.name, seen.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
