//! Compares the text of a presentation with that of its file (PACKAGING 5.5).

use crate::reference::{Cue, read_webvtt};

/// What every segment begins with: cue times count from the start of the presentation.
const HEADER: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";
/// Cue times are written in milliseconds; so were those they are compared with, and a stamp of Matroska besides.
const TOLERANCE_MS: f64 = 2.0;

/// Checks that each segment shows the cues that overlap it, all of them and no others, at the times of the file moved by `offset_s`.
///
/// `cuts_s` is where the segments begin. Gives how many cues span a cut, and so stand in several segments.
pub(crate) fn check_subtitles(
    what: &str,
    source: &[Cue],
    segments: &[Vec<u8>],
    cuts_s: &[f64],
    offset_s: f64,
) -> usize {
    assert!(!source.is_empty(), "{what}: the file has cues");
    assert_eq!(segments.len(), cuts_s.len(), "{what}: segments of text and of what is cut");
    let mut shown = vec![0; source.len()];
    for (at, segment) in segments.iter().enumerate() {
        let text = std::str::from_utf8(segment).expect("WebVTT is UTF-8");
        assert!(text.starts_with(HEADER), "{what}: segment {at} begins with {text:.80}");
        let mut cues = read_webvtt(text).into_iter();
        let from_ms = if at == 0 { f64::MIN } else { cuts_s[at] * 1000.0 };
        let to_ms = cuts_s.get(at + 1).map_or(f64::MAX, |cut| cut * 1000.0);
        for (wanted, count) in source.iter().zip(&mut shown) {
            let (start_ms, end_ms) =
                (wanted.start_ms as f64 + offset_s * 1000.0, wanted.end_ms as f64 + offset_s * 1000.0);
            if start_ms >= to_ms || end_ms <= from_ms {
                continue;
            }
            let cue = cues.next().unwrap_or_else(|| panic!("{what}: segment {at} lacks {wanted:?}"));
            assert_eq!(unescaped(&cue.text), unescaped(&wanted.text), "{what}: segment {at}");
            let moved = [cue.start_ms as f64 - start_ms, cue.end_ms as f64 - end_ms];
            assert!(
                moved.iter().all(|ms| ms.abs() <= TOLERANCE_MS),
                "{what}: segment {at}: {cue:?} is to be shown {start_ms} to {end_ms} ms"
            );
            *count += 1;
        }
        let rest: Vec<Cue> = cues.collect();
        assert!(rest.is_empty(), "{what}: segment {at} also shows {rest:?}");
    }
    assert!(shown.iter().all(|count| *count > 0), "{what}: every cue is shown: {shown:?}");
    shown.iter().filter(|count| **count > 1).count()
}

/// The letters that are meant. WebVTT escapes some; ffmpeg leaves them.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
