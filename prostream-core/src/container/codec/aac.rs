//! AAC: AudioSpecificConfig, the `esds` box, ADTS headers.

use bytes::Bytes;

use super::bits::{BitReader, ByteReader};
use super::boxes::write_full_box;
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{AudioFormat, Codec};

/// Audio object types of ISO/IEC 14496-3 table 1.17.
const AAC_LC: u8 = 2;
const SBR: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;
const LAYER_3: u8 = 34;

/// Object type indications of mp4ra.org.
pub(super) const OTI_AAC: u8 = 0x40;
pub(super) const OTI_MP3: u8 = 0x6B;

const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What a decoder must be told (ISO/IEC 14496-3 section 1.6).
#[derive(Clone, Copy, Debug, PartialEq)]
struct SpecificConfig {
    object_type: u8,
    /// Rate of the core decoder.
    sample_rate_hz: u32,
    /// Rate with spectral band replication, where that is signalled.
    extended_rate_hz: Option<u32>,
    has_parametric_stereo: bool,
    channel_count: u16,
    /// Samples of the core decoder in a packet, where the object type fixes it.
    core_samples: Option<u32>,
}

impl SpecificConfig {
    fn parse(config: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(config);
        let mut object_type = read_object_type(&mut bits)?;
        let sample_rate_hz = read_rate(&mut bits)?;
        let channel_config = bits.bits(4)?;
        let mut extended_rate_hz = None;
        let mut has_parametric_stereo = false;
        let is_hierarchical = matches!(object_type, SBR | PARAMETRIC_STEREO);
        if is_hierarchical {
            has_parametric_stereo = object_type == PARAMETRIC_STEREO;
            extended_rate_hz = Some(read_rate(&mut bits)?);
            object_type = read_object_type(&mut bits)?;
            if object_type == 22 {
                bits.skip(4);
            }
        }
        let mut channel_count = channels_of(channel_config).unwrap_or(0);
        let mut core_samples = None;
        // GASpecificConfig, section 4.4.1.
        if matches!(object_type, 1..=4 | 6 | 7 | 17 | 19..=23) {
            let is_short = bits.flag()?;
            core_samples = match object_type {
                23 => Some(if is_short { 480 } else { 512 }),
                _ => Some(if is_short { 960 } else { 1024 }),
            };
            if bits.flag()? {
                bits.skip(14);
            }
            let has_extension = bits.flag()?;
            if channel_config == 0 {
                channel_count = read_program_config(&mut bits)?;
            }
            if matches!(object_type, 6 | 20) {
                bits.skip(3);
            }
            if has_extension {
                match object_type {
                    22 => bits.skip(16),
                    17 | 19 | 20 | 23 => bits.skip(3),
                    _ => {}
                }
                bits.skip(1);
            }
            if !is_hierarchical {
                // Backward compatible signalling behind the configuration; a broken one says nothing.
                let found = read_sync_extension(&mut bits);
                if let Some((rate, stereo)) = found {
                    (extended_rate_hz, has_parametric_stereo) = (Some(rate), stereo);
                }
            }
        }
        Some(Self { object_type, sample_rate_hz, extended_rate_hz, has_parametric_stereo, channel_count, core_samples })
    }

    fn codec_string(&self) -> String {
        let object_type = match (self.has_parametric_stereo, self.extended_rate_hz) {
            (true, _) => PARAMETRIC_STEREO,
            (false, Some(_)) => SBR,
            (false, None) => self.object_type,
        };
        format!("mp4a.40.{object_type}")
    }

    fn format(&self) -> AudioFormat {
        let rate = self.extended_rate_hz.unwrap_or(self.sample_rate_hz);
        // Band replication gives twice the samples of the core; at the same rate (downsampled mode) as many.
        let is_doubled = rate > self.sample_rate_hz;
        AudioFormat {
            sample_rate_hz: rate,
            channel_count: if self.has_parametric_stereo { 2 } else { self.channel_count },
            packet_samples: self
                .core_samples
                .map(|samples| if is_doubled { samples.saturating_mul(2) } else { samples }),
            joint_object_coding: false,
        }
    }
}

fn read_object_type(bits: &mut BitReader<'_>) -> Option<u8> {
    match bits.byte(5)? {
        31 => bits.byte(6)?.checked_add(32),
        kind => Some(kind),
    }
}

fn read_rate(bits: &mut BitReader<'_>) -> Option<u32> {
    match usize::try_from(bits.bits(4)?).ok()? {
        15 => bits.bits(24),
        index => SAMPLE_RATES.get(index).copied(),
    }
    .filter(|rate| *rate != 0)
}

/// Section 1.6.5, table 1.19.
fn channels_of(channel_config: u32) -> Option<u16> {
    match channel_config {
        1..=6 => u16::try_from(channel_config).ok(),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        13 => Some(24),
        _ => None,
    }
}

/// Section 4.4.1.1: channels of a program_config_element.
fn read_program_config(bits: &mut BitReader<'_>) -> Option<u16> {
    bits.skip(10);
    let (front, side, back, lfe) = (bits.bits(4)?, bits.bits(4)?, bits.bits(4)?, bits.bits(2)?);
    let (assoc, coupling) = (bits.bits(3)?, bits.bits(4)?);
    for size in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(size);
        }
    }
    let mut channels = u16::try_from(lfe).ok()?;
    // No sum or product of fields of at most four bits overflows.
    for _ in 0..front.saturating_add(side).saturating_add(back) {
        channels = channels.saturating_add(if bits.flag()? { 2 } else { 1 });
        bits.skip(4);
    }
    for (count, size) in [(lfe, 4u64), (assoc, 4), (coupling, 5)] {
        bits.skip(size.saturating_mul(count.into()));
    }
    // Aligned with the start of the configuration, which is where the reader began.
    bits.skip(bits.left() % 8);
    let comment = bits.bits(8)?;
    bits.skip(u64::from(comment).saturating_mul(8));
    Some(channels)
}

fn read_sync_extension(bits: &mut BitReader<'_>) -> Option<(u32, bool)> {
    if bits.left() < 16 || bits.bits(11)? != 0x2B7 || read_object_type(bits)? != SBR || !bits.flag()? {
        return None;
    }
    let rate = read_rate(bits)?;
    let has_parametric_stereo = bits.left() >= 12 && bits.bits(11)? == 0x548 && bits.flag()?;
    Some((rate, has_parametric_stereo))
}

/// What `esds` says of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Esds<'a> {
    /// Object type indication: what the stream is.
    pub(super) object_type: u8,
    /// Largest and average bits a second.
    bit_rates: (u32, u32),
    /// DecoderSpecificInfo, empty when absent.
    pub(super) specific: &'a [u8],
}

impl<'a> Esds<'a> {
    /// Reads the payload of `esds` (ISO/IEC 14496-14 section 3.1.2, descriptors of ISO/IEC 14496-1 section 7.2.6).
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        reader.take(4)?;
        let mut es = ByteReader::new(find_descriptor(reader.rest(), 3)?);
        es.take(2)?;
        let flags = es.u8()?;
        if flags & 0x80 != 0 {
            es.take(2)?;
        }
        if flags & 0x40 != 0 {
            let len = es.u8()?;
            es.take(usize::from(len))?;
        }
        if flags & 0x20 != 0 {
            es.take(2)?;
        }
        let mut decoder = ByteReader::new(find_descriptor(es.rest(), 4)?);
        let object_type = decoder.u8()?;
        decoder.take(4)?;
        let bit_rates = (decoder.u32()?, decoder.u32()?);
        let specific = find_descriptor(decoder.rest(), 5).unwrap_or_default();
        Some(Self { object_type, bit_rates, specific })
    }

    /// The complete box.
    fn write(&self) -> Bytes {
        let mut decoder = vec![self.object_type, 0x15, 0, 0, 0];
        decoder.extend_from_slice(&self.bit_rates.0.to_be_bytes());
        decoder.extend_from_slice(&self.bit_rates.1.to_be_bytes());
        if !self.specific.is_empty() {
            write_descriptor(&mut decoder, 5, self.specific);
        }
        let mut es = vec![0, 0, 0];
        write_descriptor(&mut es, 4, &decoder);
        // SLConfigDescriptor: predefined as for MP4.
        write_descriptor(&mut es, 6, &[2]);
        let mut body = Vec::new();
        write_descriptor(&mut body, 3, &es);
        write_full_box(*b"esds", 0, &body)
    }
}

/// The payload of the first descriptor with `tag`; one that claims more than is there is cut, as players do.
fn find_descriptor(body: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = ByteReader::new(body);
    loop {
        let found = reader.u8()?;
        let mut size = 0usize;
        for _ in 0..4 {
            let byte = reader.u8()?;
            size = (size << 7) | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let payload = reader.take(size.min(reader.rest().len()))?;
        if found == tag {
            return Some(payload);
        }
    }
}

fn write_descriptor(out: &mut Vec<u8>, tag: u8, payload: &[u8]) {
    out.push(tag);
    // Always four bytes: each but the last says that more follow.
    for shift in [21, 14, 7, 0] {
        let part = u8::try_from((payload.len() >> shift) & 0x7F).unwrap_or_default();
        out.push(if shift == 0 { part } else { part | 0x80 });
    }
    out.extend_from_slice(payload);
}

/// Configures a track from what `esds` says; `declared` is what the container says of rate and channels, 0 where it does not.
pub(super) fn configure(esds: &Esds<'_>, declared: (u32, u16)) -> Result<CodecConfig> {
    let config = SpecificConfig::parse(esds.specific).ok_or_else(|| malformed("AudioSpecificConfig is broken"))?;
    let mut format = config.format();
    if format.channel_count == 0 {
        format.channel_count = declared.1;
    }
    if config.object_type == LAYER_3 {
        return Ok(configure_mp3(AudioFormat { packet_samples: None, ..format }));
    }
    if matches!(config.object_type, 32 | 33 | 35 | 36 | 37 | 38) {
        return Ok(CodecConfig { audio: Some(format), ..CodecConfig::other(config.codec_string()) });
    }
    Ok(CodecConfig::audio(Codec::Aac, config.codec_string(), *b"mp4a", esds.write(), format))
}

/// Configures a track from an AudioSpecificConfig, as Matroska keeps it.
pub(super) fn configure_from_specific(specific: &[u8], declared: (u32, u16)) -> Result<CodecConfig> {
    configure(&Esds { object_type: OTI_AAC, bit_rates: (0, 0), specific }, declared)
}

/// MP3 in `mp4a`: an `esds` without a specific configuration.
pub(super) fn configure_mp3(format: AudioFormat) -> CodecConfig {
    let samples = if format.sample_rate_hz >= 32_000 { 1152 } else { 576 };
    let esds = Esds { object_type: OTI_MP3, bit_rates: (0, 0), specific: &[] };
    CodecConfig::audio(
        Codec::Mp3,
        format!("mp4a.40.{LAYER_3}"),
        *b"mp4a",
        esds.write(),
        AudioFormat { packet_samples: format.packet_samples.or(Some(samples)), ..format },
    )
}

/// Makes an AudioSpecificConfig for AAC-LC, or with `extended_rate_hz` for HE-AAC with explicit signalling.
pub(super) fn make_specific(sample_rate_hz: u32, channel_count: u16, extended_rate_hz: Option<u32>) -> Option<Vec<u8>> {
    let rate_index = |rate: u32| SAMPLE_RATES.iter().position(|known| *known == rate);
    let channel_config = match channel_count {
        1..=6 => u32::from(channel_count),
        7 => 11,
        8 => 7,
        _ => return None,
    };
    let mut value: u64 = u64::from(AAC_LC);
    let mut size = 5u32;
    let mut push = |field: u64, bits: u32| {
        value = (value << bits) | field;
        size = size.saturating_add(bits);
    };
    push(rate_index(sample_rate_hz)? as u64, 4);
    push(channel_config.into(), 4);
    push(0, 3);
    if let Some(rate) = extended_rate_hz {
        push(0x2B7, 11);
        push(SBR.into(), 5);
        push(1, 1);
        push(rate_index(rate)? as u64, 4);
    }
    let padded = size.next_multiple_of(8);
    let bytes = (value << padded.checked_sub(size)?).to_be_bytes();
    let used = usize::try_from(padded / 8).ok()?;
    bytes.get(bytes.len().checked_sub(used)?..).map(<[u8]>::to_vec)
}

/// An AudioSpecificConfig from the header of an ADTS frame (ISO/IEC 14496-3 section 1.A.2.2); `None` when it is none.
pub(super) fn specific_from_adts(frame: &[u8]) -> Option<Vec<u8>> {
    adts_header_size(frame).filter(|size| *size > 0)?;
    let mut bits = BitReader::new(frame);
    bits.skip(16);
    let object_type = bits.bits(2)?.checked_add(1)?;
    let rate_index = bits.bits(4)?;
    bits.skip(1);
    let channel_config = bits.bits(3)?;
    let value = u16::try_from((object_type << 11) | (rate_index << 7) | (channel_config << 3)).ok()?;
    (channel_config != 0).then(|| value.to_be_bytes().to_vec())
}

/// How many bytes at the start of a packet are an ADTS header, which files must not carry; `None` when the packet is not in ADTS.
///
/// A raw packet may begin with the same bits, so this is asked only of tracks whose header says nothing.
#[must_use]
pub fn adts_header_size(packet: &[u8]) -> Option<usize> {
    let &[sync, flags, ..] = packet else { return None };
    // Sync word and layer 0; without protection the check sum is missing.
    if sync != 0xFF || flags & 0xF6 != 0xF0 {
        return None;
    }
    Some(if flags & 1 == 1 { 7 } else { 9 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(specific: &[u8]) -> (String, AudioFormat) {
        let config = configure_from_specific(specific, (0, 0)).unwrap();
        (config.codec_string, config.audio.unwrap())
    }

    /// Goal: plain, explicit and backward compatible signalling each give string, rate and packet size that belong together.
    #[test]
    fn signalling_decides_string_and_rate() {
        let (string, format) = parse(&[0x11, 0x90]);
        assert_eq!((string.as_str(), format.sample_rate_hz, format.channel_count), ("mp4a.40.2", 48_000, 2));
        assert_eq!(format.packet_samples, Some(1024));
        // 24 kHz core, SBR to 48 kHz behind it.
        let (string, format) = parse(&[0x13, 0x10, 0x56, 0xE5, 0x98]);
        assert_eq!((string.as_str(), format.sample_rate_hz, format.packet_samples), ("mp4a.40.5", 48_000, Some(2048)));
        // The same in front, with parametric stereo: 29, 24 kHz, mono, 48 kHz, LC.
        let (string, format) = parse(&[0xEB, 0x09, 0x88, 0x00]);
        assert_eq!((string.as_str(), format.sample_rate_hz, format.channel_count), ("mp4a.40.29", 48_000, 2));
        assert_eq!(format.packet_samples, Some(2048));
        // 960 samples.
        assert_eq!(parse(&[0x11, 0x94]).1.packet_samples, Some(960));
    }

    /// Goal: channels beyond the table are counted from the program_config_element.
    #[test]
    fn program_config_counts_channels() {
        // LC, 48 kHz, channel configuration 0; PCE with front 1 single + 1 pair, back 1 pair, one LFE.
        // tag 0000, profile 01, rate 0011, front 0010, side 0000, back 0001, lfe 01, assoc 000, cc 0000, no mixdowns 000,
        // front 0 0000, 1 0000, back 1 0001, lfe 0000, aligned, comment 0.
        let text = "00010 0011 0000 000 0000 01 0011 0010 0000 0001 01 000 0000 000 00000 10000 10001 0000";
        let mut bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        bits.resize(bits.len().next_multiple_of(8) + 8, 0);
        let bytes: Vec<u8> = bits.chunks(8).map(|c| c.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
        assert_eq!(parse(&bytes).1.channel_count, 6);
    }

    /// Goal: what is written as `esds` is read back.
    #[test]
    fn esds_is_read_back() {
        let esds = Esds { object_type: OTI_AAC, bit_rates: (128_000, 96_000), specific: &[0x11, 0x90] };
        let written = esds.write();
        assert_eq!(Esds::parse(&written[8..]), Some(esds));
        assert!((8..38).all(|end| Esds::parse(&written[8..end]).is_none()));
    }

    /// Goal: configurations made for headers that lack one are those that encoders write.
    #[test]
    fn missing_configurations_are_made() {
        assert_eq!(make_specific(48_000, 2, None).unwrap(), [0x11, 0x90]);
        assert_eq!(make_specific(24_000, 2, Some(48_000)).unwrap(), [0x13, 0x10, 0x56, 0xE5, 0x98]);
        assert_eq!(make_specific(12_345, 2, None), None);
        assert_eq!(specific_from_adts(&[0xFF, 0xF1, 0x4C, 0x80, 0, 0, 0]).unwrap(), [0x11, 0x90]);
        assert_eq!(specific_from_adts(&[0x21, 0x10]), None);
    }
}
