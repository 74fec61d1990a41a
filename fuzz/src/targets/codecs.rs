//! Codec configurations: the first byte says where the rest was found, in a sample entry, in a Matroska header, or in a frame.

use prostream_core::container::codec::{
    CodecConfig, MatroskaTrack, adts_header_size, delimiter_size, from_matroska, from_sample_entry, is_random_access,
    packet_samples,
};
use prostream_core::hls::fmp4::init_segment;
use prostream_core::model::{Codec, TrackInfo, TrackKind};

use super::{Data, assert_boxes};

/// Where a codec is described.
struct Places {
    /// Kinds of sample entries.
    entries: &'static [&'static [u8; 4]],
    /// Codec ids of Matroska.
    ids: &'static [&'static str],
    /// What packets are asked about.
    codec: Codec,
}

pub(super) fn aac(bytes: &[u8]) {
    let ids = &["A_AAC", "A_AAC/MPEG2/LC", "A_AAC/MPEG4/LC/SBR"];
    run(bytes, &Places { entries: &[b"mp4a"], ids, codec: Codec::Aac });
}

pub(super) fn dolby(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"ac-3", b"ec-3"], ids: &["A_AC3", "A_EAC3"], codec: Codec::Eac3 });
}

pub(super) fn avc(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"avc1", b"avc3", b"dva1"], ids: &["V_MPEG4/ISO/AVC"], codec: Codec::H264 });
}

pub(super) fn hevc(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"hvc1", b"hev1", b"dvh1"], ids: &["V_MPEGH/ISO/HEVC"], codec: Codec::Hevc });
}

pub(super) fn av1(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"av01", b"dav1"], ids: &["V_AV1"], codec: Codec::Av1 });
}

pub(super) fn vp9(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"vp09"], ids: &["V_VP9"], codec: Codec::Vp9 });
}

pub(super) fn flac(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"fLaC"], ids: &["A_FLAC"], codec: Codec::Flac });
}

pub(super) fn opus(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b"Opus"], ids: &["A_OPUS"], codec: Codec::Opus });
}

pub(super) fn mp3(bytes: &[u8]) {
    run(bytes, &Places { entries: &[b".mp3", b"mp4a"], ids: &["A_MPEG/L3"], codec: Codec::Mp3 });
}

fn run(bytes: &[u8], places: &Places) {
    let mut data = Data::new(bytes);
    let place = data.byte();
    let config = match place & 3 {
        0 => {
            let kind = *places.entries[usize::from(place >> 2) % places.entries.len()];
            from_sample_entry(kind, data.rest()).ok()
        }
        1 | 2 => {
            let sizes = (u32::from(data.u16()), u32::from(data.u16()));
            let track = MatroskaTrack {
                codec_id: places.ids[usize::from(place >> 2) % places.ids.len()],
                width_height: sizes,
                display: (sizes.0 & 1 == 1).then_some((sizes.1, sizes.0)),
                sample_rates_hz: (f64::from(sizes.0), f64::from(sizes.1)),
                channel_count: data.byte().into(),
                codec_delay_ns: u64::from(data.u16()) << 12,
                ..MatroskaTrack::default()
            };
            let rest = data.rest();
            if place & 3 == 1 {
                let track = MatroskaTrack { codec_private: rest, ..track };
                from_matroska(&track, None).ok().flatten()
            } else {
                from_matroska(&track, Some(rest)).ok().flatten()
            }
        }
        _ => return look_at_packet(data, places),
    };
    if let Some(config) = config {
        check(&config);
    }
}

fn look_at_packet(mut data: Data<'_>, places: &Places) {
    let nal_length_size = data.byte() % 6;
    let packet = data.rest();
    let _ = is_random_access(places.codec, nal_length_size, packet);
    let format = prostream_core::model::AudioFormat { packet_samples: Some(1024), ..Default::default() };
    if let Some(samples) = packet_samples(&format, places.codec, packet) {
        assert!(samples < 1 << 20, "{samples} samples in a packet of {} bytes", packet.len());
    }
    // Of a packet that is cut short the header may reach beyond it.
    assert!(adts_header_size(packet).is_none_or(|size| size == 7 || size == 9), "no size of an ADTS header");
    assert!(delimiter_size(packet) <= packet.len(), "a delimiter beyond its frame");
}

/// What is said of a codec can be written: whole boxes, a `CODECS` string that fits into a playlist.
fn check(config: &CodecConfig) {
    let is_plain = config.codec_string.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ');
    if config.sample_entry.kind == [0; 4] {
        return;
    }
    config.sample_entry.boxes.iter().for_each(|one| assert_boxes(one));
    assert!(is_plain && !config.codec_string.contains(['"', ',']), "{:?}", config.codec_string);
    let kind = if config.video.is_some() { TrackKind::Video } else { TrackKind::Audio };
    let track = TrackInfo {
        number: 1,
        kind,
        codec: config.codec,
        codec_string: config.codec_string.clone(),
        sample_entry: config.sample_entry.clone(),
        timescale: 1000,
        language: None,
        name: None,
        is_default: true,
        is_forced: false,
        is_hearing_impaired: false,
        is_commentary: false,
        video: config.video.clone(),
        audio: config.audio.clone(),
    };
    if let Ok(init) = init_segment(&track, 1000) {
        assert_boxes(&init);
    }
}
