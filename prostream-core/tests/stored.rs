//! Stored indexes: what was read once is the same when it comes back, for every film; what is no index is refused.

#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod bounds;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "cases/workshop.rs"]
mod workshop;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bounds::Bounds;
use proptest::prelude::*;
use prostream_core::ErrorKind;
use prostream_core::container::MediaIndex;
use prostream_core::hls::playlist;
use prostream_core::hls::{NativePackager, Presentation};
use prostream_core::model::DeviceProfile;
use sha2::{Digest, Sha256};
use workshop::{Workshop, index, source};

/// Most bytes of the index of a 108-minute film.
const MAX_FILM_INDEX_BYTES: usize = 2 << 20;

const CUES: &str = "1\n00:00:01,000 --> 00:00:02,500\nFirst\n\n2\n00:00:05,000 --> 00:00:07,250\n<i>Second</i>\n\n";

/// Films of every layout: name and the arguments that make it of tracks made before.
const FILMS: &[(&str, &str)] = &[
    ("first.mp4", "-i h264.mp4 -i aac.m4a -c copy -movflags +faststart"),
    ("last.mp4", "-i h264.mp4 -i aac.m4a -i text.srt -c copy -c:s mov_text -metadata:s:a:0 language=por"),
    ("hevc-ac3.mp4", "-i hevc.mp4 -i ac3.mp4 -c copy -tag:v hvc1"),
    ("sound.m4a", "-i aac.m4a -c copy"),
    ("fragments.mp4", "-i h264.mp4 -i aac.m4a -c copy -movflags +frag_keyframe+empty_moov+default_base_moof"),
    ("listed.mp4", "-i h264.mp4 -i aac.m4a -c copy -movflags +frag_keyframe+empty_moov+global_sidx"),
    ("cues.mkv", "-i h264.mp4 -i aac.m4a -i ac3.mp4 -i text.srt -map 0 -map 1 -map 2 -map 3 -c copy -cues_to_front 1"),
    ("remuxed.mp4", "-i cues.mkv -map 0:v -map 0:a -c copy"),
    ("hevc.mkv", "-i hevc.mp4 -i aac.m4a -c copy -metadata:s:v:0 title=Pictures"),
    ("chapters.mkv", "-i h264.mp4 -i aac.m4a -i chapters.txt -map_metadata 2 -map 0 -map 1 -c copy"),
    ("chapters.mp4", "-i h264.mp4 -i aac.m4a -i chapters.txt -map_metadata 2 -map 0 -map 1 -c copy"),
    ("styled.mkv", "-i h264.mp4 -i aac.m4a -i text.srt -c copy -c:s ass"),
    ("sound.mka", "-i aac.m4a -c copy"),
];

/// The films, made once.
fn films() -> &'static (Workshop, Vec<PathBuf>) {
    static FILMS_MADE: OnceLock<(Workshop, Vec<PathBuf>)> = OnceLock::new();
    FILMS_MADE.get_or_init(|| {
        let workshop = Workshop::new();
        workshop.write("text.srt", CUES.as_bytes());
        workshop.write(
            "chapters.txt",
            b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=Eins\n\
              [CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=9000\ntitle=Zwei\n",
        );
        let pictures = "-f lavfi -i testsrc2=size=192x108:rate=24:duration=9";
        workshop.ffmpeg(&format!("{pictures} -c:v libx264 -preset veryfast -bf 2 -g 48 h264.mp4"));
        workshop.ffmpeg(&format!(
            "{pictures} -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=48 hevc.mp4"
        ));
        workshop.ffmpeg("-f lavfi -i sine=frequency=440:duration=9 -c:a aac aac.m4a");
        workshop.ffmpeg("-f lavfi -i sine=frequency=220:duration=9 -c:a ac3 ac3.mp4");
        let paths = FILMS.iter().map(|(name, arguments)| workshop.ffmpeg(&format!("{arguments} {name}"))).collect();
        (workshop, paths)
    })
}

/// All playlists of a presentation.
fn playlists(presentation: &Arc<dyn Presentation>) -> Vec<String> {
    let media =
        presentation.renditions().iter().map(|rendition| playlist::media(presentation.as_ref(), rendition.info()));
    [playlist::multivariant(presentation.as_ref())].into_iter().chain(media).collect()
}

/// Goal: a player cannot tell a stored index from one that was just read.
/// Method: films of all layouts; the index comes back field by field, and playlists, init segments and all segments made with it are
/// byte-identical.
#[tokio::test]
async fn a_stored_index_gives_the_same_bytes() {
    for path in &films().1 {
        let read = Arc::new(index(path).await.unwrap());
        let stored = read.to_stored();
        let loaded = Arc::new(MediaIndex::from_stored(&stored).unwrap());
        assert_eq!(format!("{read:?}"), format!("{loaded:?}"), "{path:?}");
        assert!(loaded.to_stored() == stored, "{path:?}: one index has one form");
        // Once for all of its tracks.
        assert_eq!(loaded.memory_bytes(), read.memory_bytes(), "{path:?}");
        if path.ends_with("remuxed.mp4") {
            assert!(format!("{read:?}").contains("Interleaved"), "its chunks are in an order");
        }
        let device = DeviceProfile::any();
        let packager = NativePackager::default();
        let [before, after] = [read, loaded];
        let before = packager.present(before, source(path).await, &device).unwrap();
        // A packager of its own: nothing that the other read may help.
        let after = NativePackager::default().present(after, source(path).await, &device).unwrap();
        assert_eq!(playlists(&before), playlists(&after));
        for (one, other) in before.renditions().iter().zip(after.renditions()) {
            let name = &one.info().name;
            assert_eq!(one.init().await.unwrap(), other.init().await.unwrap(), "{name}");
            for segment in 0..one.info().listed_durations_s().len() {
                let (one, other) =
                    (one.segment(segment as u32).await.unwrap(), other.segment(segment as u32).await.unwrap());
                assert_eq!((one.size_bytes, &one.etag), (other.size_bytes, &other.etag), "{name} {segment}");
                assert!(one.into_bytes().await.unwrap() == other.into_bytes().await.unwrap(), "{name} {segment}");
            }
        }
    }
}

/// Goal: the stored index of a 108-minute film takes at most 2 MB (PACKAGING 5.2).
/// Method: films of 24 pictures a second with sound, 108 minutes long, interleaved picture by picture as ffmpeg does, the first picture
/// large enough that sizes take three bytes; one of them came from Matroska, with durations that follow milliseconds.
#[tokio::test]
async fn the_index_of_a_long_film_is_small() {
    let workshop = Workshop::new();
    let pictures = "-f lavfi -i color=black:size=320x180:rate=24:duration=12,noise=alls=100:enable=lt(n\\,1)";
    workshop.ffmpeg(&format!("{pictures} -c:v libx264 -preset veryfast -qp 2 -bf 2 -g 96 pictures.mp4"));
    workshop.ffmpeg("-f lavfi -i anullsrc=duration=12 -c:a aac -b:a 32k sound.m4a");
    workshop.ffmpeg("-i pictures.mp4 -i sound.m4a -c copy part.mp4");
    let films = [
        ("long.mp4", "-stream_loop 539 -i part.mp4"),
        ("long.mkv", "-stream_loop 539 -i part.mp4"),
        ("remuxed.mp4", "-i long.mkv"),
    ];
    for (name, inputs) in films {
        let path = workshop.ffmpeg(&format!("{inputs} -c copy {name}"));
        let read = index(&path).await.unwrap();
        assert!(read.duration_ns > 107 * 60 * 1_000_000_000, "{name} is {} ns long", read.duration_ns);
        let stored = read.to_stored();
        println!("{name}: {} bytes in memory, {} stored", read.memory_bytes(), stored.len());
        assert!(stored.len() <= MAX_FILM_INDEX_BYTES, "{name}: {} bytes stored", stored.len());
        assert!(MediaIndex::from_stored(&stored).unwrap().memory_bytes() <= read.memory_bytes());
    }
}

/// Goal: damage is noticed, wherever it is.
/// Method: each byte of a stored index changed on its own, and every shorter piece.
#[tokio::test]
async fn damage_is_noticed_at_every_byte() {
    let stored = index(&films().1[FILMS.len() - 1]).await.unwrap().to_stored();
    for at in 0..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        assert_eq!(MediaIndex::from_stored(&damaged).unwrap_err().kind(), ErrorKind::Malformed, "byte {at}");
        assert!(MediaIndex::from_stored(&stored[..at]).is_err(), "{at} bytes");
    }
    assert!(MediaIndex::from_stored(&[stored.as_slice(), &[0]].concat()).is_err());
}

/// Goal: an index of another version of the program is no index, so that the file is read again.
#[tokio::test]
async fn another_format_is_refused() {
    let mut stored = index(&films().1[0]).await.unwrap().to_stored();
    let body = stored.len() - 16;
    stored.truncate(body);
    stored[8] += 1;
    let error = MediaIndex::from_stored(&signed(stored)).unwrap_err();
    assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Malformed, Some("another format")));
}

/// Goal: a track that playlists could not name is none, such as one with an empty codec string (found by fuzzing).
#[tokio::test]
async fn tracks_without_a_name_for_players_are_refused() {
    let good = index(&films().1[0]).await.unwrap();
    for bad in ["", "avc1.64000b,mp4a.40.2", "avc1\"", "avc 1"] {
        let mut index = MediaIndex::from_stored(&good.to_stored()).unwrap();
        index.tracks[0].info.codec_string = bad.to_owned();
        let refused = MediaIndex::from_stored(&index.to_stored()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Malformed, "{bad:?}");
    }
}

/// What stands before the checksum, with a checksum that fits.
fn signed(mut body: Vec<u8>) -> Vec<u8> {
    let checksum: [u8; 32] = Sha256::digest(&body).into();
    body.extend_from_slice(&checksum[..16]);
    body
}

fn bodies() -> &'static Vec<Vec<u8>> {
    static BODIES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    BODIES.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let body = |path: &PathBuf| {
            let mut stored = runtime.block_on(index(path)).unwrap().to_stored();
            stored.truncate(stored.len() - 16);
            stored
        };
        films().1.iter().map(body).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Goal: bytes that somebody prepared, checksum and all, neither panic nor cost more than a file may, also when they are used.
    /// Method: bytes of stored indexes changed, put in and taken out; the checksum made to fit; what is read is planned and asked for
    /// packets.
    #[test]
    fn prepared_bytes_cost_nothing(
        film in 0..FILMS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6),
    ) {
        let mut body = bodies()[film].clone();
        for (at, byte, kind) in changes {
            // Behind magic and format; small numbers first, which counts and tags are.
            let at = 9 + at.index(body.len() - 9);
            match kind {
                0 => body[at] = byte,
                1 => body[at] = 0xFF,
                2 => body.insert(at, byte),
                _ => {
                    body.remove(at);
                }
            }
            if body.len() <= 10 {
                break;
            }
        }
        let stored = signed(body);
        let bounds = Bounds::start();
        bounds.check(|| {
            let Ok(index) = MediaIndex::from_stored(&stored) else { return };
            let index = Arc::new(index);
            let nothing = workshop::memory(Vec::new());
            let _ = NativePackager::default().present(index, nothing, &DeviceProfile::any());
        });
        bounds.finish();
    }
}
