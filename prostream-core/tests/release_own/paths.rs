//! Files with their folders.

use prostream_core::release::ReleaseName;

use crate::{check_spans, summary};

/// Goal: words and file paths are read together.
/// Method: a folder that says what the file does not.
#[test]
fn paths_are_read_as_a_whole() {
    assert_eq!(summary("Rocket Harbour/Season 2/05 - Title.mkv"), "Rocket Harbour S2 E5");
    assert_eq!(summary("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rh.mkv"), "Rocket Harbour (2011) -QWXZ");
    assert_eq!(ReleaseName::parse("Subs/21_Bokmal.srt").languages, ["no"]);
    for (path, says) in [
        // Scene files have short names; their folders say what they are.
        ("Rocket Harbour (2011)/qwxz-rh.1080p.mkv", "Rocket Harbour (2011)"),
        ("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rh1080p.mkv", "Rocket Harbour (2011) -QWXZ"),
        ("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rocket.harbour.2011.mkv", "Rocket Harbour (2011) -QWXZ"),
        ("Rocket.Harbour.S02E05.720p.HDTV.x264-QWXZ/rh.205.720p-qwxz.mkv", "Rocket Harbour S2 E5 -qwxz"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/rh.205.720p-qwxz.mkv", "Rocket Harbour S2 E5 -qwxz"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz-rh205.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz-rhs02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz.rocket.harbour.s02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02E01-E10.720p.x264-QWXZ/qwxz-rh.s02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        // A subtitle's number among its like is no episode.
        ("Subs/Rocket.Harbour.S02E05.720p.x264-QWXZ/34_tam.srt", "Rocket Harbour S2 E5 ta -QWXZ"),
        ("Rocket.Harbour.2011.1080p.x264-QWXZ/Subs/2_English.srt", "Rocket Harbour (2011) en -QWXZ"),
        ("Rocket Harbour/Season 2/05.en.srt", "Rocket Harbour S2 E5 en"),
        ("Subs/5_nor.srt", " no"),
        ("Rocket.Harbour.S02.720p/rocket.harbour.205.720p.mkv", "rocket harbour S2 E5"),
        ("Rocket Harbour/2-05.mkv", "Rocket Harbour S2 E5"),
        // The nearest folder tells it, whatever stands around that one; a sample belongs to its release.
        (
            "Rocket.Harbour.Saga.1080p.x264-QWXZ/Rocket.Harbour.2011.x264-QWXZ/qwxz-rh.mkv",
            "Rocket Harbour (2011) -QWXZ",
        ),
        (
            "Rocket.Harbour.2011.1080p.x264-QWXZ/Rocket.Harbour.2011.1080p.x264-QWXZ-sample.mkv",
            "Rocket Harbour (2011) -QWXZ",
        ),
        // Another film of a collection keeps its own title.
        ("Rocket.Harbour.Trilogy.1080p.x264-QWXZ/Rocket.2008.1080p.x264-QWXZ.mkv", "Rocket (2008) -QWXZ"),
        ("Rocket.Harbour.Trilogy.1080p.x264-QWXZ/Rocket.Harbour.II.x264-QWXZ.mkv", "Rocket Harbour II -QWXZ"),
    ] {
        assert_eq!(summary(path), says, "{path}");
        check_spans(path).unwrap();
    }
}
