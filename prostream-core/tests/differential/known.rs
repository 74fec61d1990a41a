//! Differences to ffprobe that are meant to be there: each with the films it is about and the reason.
//!
//! A difference that no entry names fails the test, and so does, when all films run, an entry that no film shows any more.

use crate::compare::{Aspect, Difference};
use crate::films::{Family, Film, Muxer};

/// A difference that is as it should be.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) aspect: Aspect,
    /// Is this difference of this film the one that is meant?
    pub(crate) is_meant: fn(&Film, &Difference) -> bool,
    pub(crate) reason: &'static str,
}

pub(crate) const KNOWN: &[Known] = &[
    Known {
        aspect: Aspect::Codec,
        is_meant: |film, difference| film.wrapper.muxer == Muxer::Mkvmerge && difference.codec.is_empty(),
        reason: "ffmpeg 5 does not know S_TEXT/WEBVTT, the codec id that mkvmerge writes",
    },
    Known {
        aspect: Aspect::Codec,
        is_meant: |film, difference| film.wrapper.family == Family::Mov && difference.codec == "mov_text",
        reason: "QuickTime's own text tracks are chapters far more often than subtitles, and are not packaged",
    },
    Known {
        aspect: Aspect::Default,
        is_meant: |film, difference| {
            matches!(film.wrapper.family, Family::Mp4 | Family::Mov | Family::Fragmented)
                && difference.detail == "false, ffprobe true"
        },
        reason: "in MP4 most tracks are enabled: only the first of each kind that is packaged counts as the default",
    },
    Known {
        aspect: Aspect::Language,
        is_meant: |film, difference| film.wrapper.family == Family::Mov && difference.detail.contains("Some(en)"),
        reason: "0, QuickTime's English, is what careless writers leave, and says nothing",
    },
    Known {
        aspect: Aspect::SampleRate,
        is_meant: |film, difference| {
            film.wrapper.muxer == Muxer::Mkvmerge && difference.detail == "Some(44100), ffprobe Some(22050)"
        },
        reason: "mkvmerge declares an output of twice the rate for AAC up to 24 kHz; the header is believed, packets last as long either way",
    },
    Known {
        aspect: Aspect::Channels,
        is_meant: |film, difference| {
            matches!(film.wrapper.family, Family::Mp4 | Family::Fragmented) && difference.codec == "mp3"
        },
        reason: "MP4 has no MP3 configuration: the sample entry, which says 2 for any sound, is believed, where ffprobe decodes a frame",
    },
    Known {
        aspect: Aspect::EmptyTextAtEnd,
        is_meant: |film, difference| film.wrapper.family == Family::Mp4 && difference.codec == "mov_text",
        reason: "an empty sample behind the end of the edit list: ffmpeg drops it, here it is a cue without text",
    },
    Known {
        aspect: Aspect::DecodeTimes,
        is_meant: |film, _| film.wrapper.options.contains("negative_cts_offsets"),
        reason: "ffprobe moves decode times before the presentation times; the file, and what we write, has negative composition offsets",
    },
    Known {
        aspect: Aspect::Times,
        is_meant: |film, _| film.wrapper.options.contains("cmaf"),
        reason: "of fragments with negative composition offsets ffprobe shows the pictures later, by the largest of them, but not the sound",
    },
    Known {
        aspect: Aspect::DecodeTimes,
        is_meant: |film, _| film.wrapper.options.contains("cmaf"),
        reason: "likewise: the constant of the film is that of its pictures",
    },
    Known {
        aspect: Aspect::DecodeTimes,
        is_meant: |film, difference| {
            film.wrapper.options.contains("frag_every_frame") && difference.detail.contains("the one before ends at")
        },
        reason: "ffmpeg declares some samples that are alone in their fragment to last 0: told as declared, and the next begins where it says",
    },
    Known {
        aspect: Aspect::Duration,
        is_meant: |film, _| film.wrapper.options.contains("frag_every_frame"),
        reason: "likewise: the film is as long as its samples are declared to be",
    },
    Known {
        aspect: Aspect::Keyframes,
        is_meant: |film, difference| {
            let has_recovery_points =
                film.picture.is_some_and(|picture| matches!(picture.file, "refresh.mp4" | "open.mp4"));
            has_recovery_points && difference.codec == "h264"
        },
        reason: "ffprobe flags recovery points of H.264, at which browsers cannot start: here only IDR pictures are keyframes",
    },
    Known {
        aspect: Aspect::Duration,
        is_meant: |film, difference| film.wrapper.options.contains("-live 1") && difference.detail.ends_with("None"),
        reason: "a live file says no length: what its clusters show is taken",
    },
    Known {
        aspect: Aspect::Duration,
        is_meant: |film, _| {
            let is_late = film.parts().all(|part| part.late_ms > 0);
            film.wrapper.muxer == Muxer::Mkvmerge && film.picture.is_none() && is_late
        },
        reason: "mkvmerge counts the length from the first packet, not from 0, where a film without pictures begins late",
    },
];

/// The entry that names a difference.
pub(crate) fn find(film: &Film, difference: &Difference) -> Option<usize> {
    KNOWN.iter().position(|known| known.aspect == difference.aspect && (known.is_meant)(film, difference))
}
