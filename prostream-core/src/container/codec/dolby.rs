//! AC-3 and E-AC-3 (ETSI TS 102 366): `dac3` and `dec3`, and making them from sync frames.

use super::bits::BitReader;
use super::boxes::write_box;
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{AudioFormat, Codec};

const SYNC_WORD: u32 = 0x0B77;
/// Channels without LFE by `acmod` (table 4.3).
const CHANNELS: [u16; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Sample rates by `fscod` (table 4.1).
const SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Samples of an AC-3 frame: 6 blocks of 256.
pub(super) const AC3_SAMPLES: u32 = 1536;
const BLOCK_SAMPLES: u32 = 256;
/// Most frames of a packet that are looked at: 8 independent substreams with 8 dependent ones each, six frames of one block.
const MAX_FRAMES: usize = 8 * 9 * 6;

/// `bsmod` and layout of a stream, as both boxes keep them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Layout {
    fscod: u8,
    bsid: u8,
    bsmod: u8,
    acmod: u8,
    has_lfe: bool,
}

impl Layout {
    fn channel_count(self) -> u16 {
        CHANNELS.get(usize::from(self.acmod & 7)).copied().unwrap_or(2).saturating_add(u16::from(self.has_lfe))
    }

    fn sample_rate_hz(self) -> Option<u32> {
        SAMPLE_RATES.get(usize::from(self.fscod)).copied()
    }
}

/// Configures a track from the payload of `dac3` (annex F.4).
pub(super) fn configure_ac3(body: &[u8]) -> Result<CodecConfig> {
    let parse = || {
        let mut bits = BitReader::new(body);
        let layout = Layout {
            fscod: bits.byte(2)?,
            bsid: bits.byte(5)?,
            bsmod: bits.byte(3)?,
            acmod: bits.byte(3)?,
            has_lfe: bits.flag()?,
        };
        let format = AudioFormat {
            sample_rate_hz: layout.sample_rate_hz()?,
            channel_count: layout.channel_count(),
            packet_samples: Some(AC3_SAMPLES),
            joint_object_coding: false,
        };
        Some(CodecConfig::audio(Codec::Ac3, "ac-3".to_owned(), *b"ac-3", write_box(*b"dac3", body.get(..3)?), format))
    };
    parse().ok_or_else(|| malformed("dac3 is broken"))
}

/// Makes the payload of `dac3` from a sync frame (section 4.4.1 and 4.4.2).
pub(super) fn dac3_from_frame(frame: &[u8]) -> Option<[u8; 3]> {
    let mut bits = BitReader::new(frame);
    if bits.bits(16)? != SYNC_WORD {
        return None;
    }
    bits.skip(16);
    let (fscod, size_code, bsid, bsmod, acmod) =
        (bits.bits(2)?, bits.bits(6)?, bits.bits(5)?, bits.bits(3)?, bits.bits(3)?);
    if fscod == 3 || size_code >= 38 || bsid > 10 {
        return None;
    }
    bits.skip(if acmod & 1 != 0 && acmod != 1 { 2 } else { 0 });
    bits.skip(if acmod & 4 != 0 { 2 } else { 0 });
    bits.skip(if acmod == 2 { 2 } else { 0 });
    let lfe = bits.bits(1)?;
    let packed = (fscod << 22) | (bsid << 17) | (bsmod << 14) | (acmod << 11) | (lfe << 10) | ((size_code >> 1) << 5);
    let [_, a, b, c] = packed.to_be_bytes();
    Some([a, b, c])
}

/// Configures a track from the payload of `dec3` (annex F.6).
pub(super) fn configure_eac3(body: &[u8], packet_samples: Option<u32>) -> Result<CodecConfig> {
    let parse = || {
        let mut bits = BitReader::new(body);
        bits.skip(13);
        let stream_count = bits.bits(3)?.saturating_add(1);
        let mut first: Option<(Layout, u16)> = None;
        for _ in 0..stream_count {
            let mut layout = Layout { fscod: bits.byte(2)?, bsid: bits.byte(5)?, ..Layout::default() };
            bits.skip(2);
            (layout.bsmod, layout.acmod, layout.has_lfe) = (bits.byte(3)?, bits.byte(3)?, bits.flag()?);
            bits.skip(3);
            let dependent_count = bits.bits(4)?;
            let locations = if dependent_count > 0 {
                bits.bits(9)?
            } else {
                bits.skip(1);
                0
            };
            first = first.or(Some((layout, channels_of_locations(locations))));
        }
        let (layout, more) = first?;
        // flag_ec3_extension_type_a of ETSI TS 103 420, where the box goes on.
        bits.skip(7);
        let joint_object_coding = bits.flag().unwrap_or(false);
        let format = AudioFormat {
            // Half rates (fscod 3) are of no use here and have no number in this box.
            sample_rate_hz: layout.sample_rate_hz()?,
            channel_count: layout.channel_count().saturating_add(more),
            packet_samples,
            joint_object_coding,
        };
        Some(CodecConfig::audio(Codec::Eac3, "ec-3".to_owned(), *b"ec-3", write_box(*b"dec3", body), format))
    };
    parse().ok_or_else(|| malformed("dec3 is broken"))
}

/// Channels that dependent substreams add, by the nine bits of `chan_loc` (annex F.6.2.13), least significant first.
fn channels_of_locations(locations: u32) -> u16 {
    const COUNTS: [u16; 9] = [2, 2, 1, 1, 2, 2, 2, 1, 1];
    COUNTS.iter().enumerate().filter(|(bit, _)| locations >> bit & 1 == 1).map(|(_, count)| count).sum()
}

/// `chan_loc` from the `chanmap` of a dependent substream (table E.1.4), whose bits count from the most significant of sixteen.
fn locations_of_map(map: u32) -> u32 {
    const MASK_OF_LOCATION: [u32; 9] = [1 << 10, 1 << 9, 1 << 8, 1 << 7, 1 << 6, 1 << 5, 1 << 4, 1 << 3, 1 << 1];
    MASK_OF_LOCATION.iter().enumerate().filter(|(_, mask)| map & **mask != 0).map(|(loc, _)| 1 << loc).sum()
}

/// The header of one E-AC-3 frame (annex E.1.2).
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    is_dependent: bool,
    substream: u8,
    size_bytes: usize,
    layout: Layout,
    block_count: u32,
    /// Channels of a dependent substream.
    map: Option<u32>,
    /// Complexity of the objects, where there are some.
    objects: Option<u8>,
}

impl Frame {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(bytes);
        if bits.bits(16)? != SYNC_WORD {
            return None;
        }
        let kind = bits.byte(2)?;
        let substream = bits.byte(3)?;
        let size_bytes = usize::try_from(bits.bits(11)?).ok()?.saturating_add(1).saturating_mul(2);
        let fscod = bits.byte(2)?;
        let block_code = bits.byte(2)?;
        // At half rates the code of the rate stands where that of the blocks does.
        let block_count = if fscod == 3 { 6 } else { [1, 2, 3, 6].get(usize::from(block_code)).copied()? };
        let (acmod, has_lfe, bsid) = (bits.byte(3)?, bits.flag()?, bits.byte(5)?);
        if !(11..=16).contains(&bsid) {
            return None;
        }
        let mut frame = Self {
            is_dependent: kind == 1,
            substream,
            size_bytes,
            layout: Layout { fscod, bsid, bsmod: 0, acmod, has_lfe },
            block_count,
            map: None,
            objects: None,
        };
        // The rest of the header is optional for us: cut off or broken, what was read so far stands.
        let _ = frame.parse_rest(&mut bits, kind);
        Some(frame)
    }

    fn parse_rest(&mut self, bits: &mut BitReader<'_>, kind: u8) -> Option<()> {
        let acmod = self.layout.acmod;
        for _ in 0..if acmod == 0 { 2 } else { 1 } {
            bits.skip(5);
            if bits.flag()? {
                bits.skip(8);
            }
        }
        if kind == 1 && bits.flag()? {
            self.map = Some(bits.bits(16)?);
        }
        if bits.flag()? {
            self.skip_mix_data(bits, kind)?;
        }
        if bits.flag()? {
            self.layout.bsmod = bits.byte(3)?;
            bits.skip(2);
            bits.skip(if acmod == 2 { 4 } else { 0 });
            bits.skip(if acmod >= 6 { 2 } else { 0 });
            for _ in 0..if acmod == 0 { 2 } else { 1 } {
                if bits.flag()? {
                    bits.skip(8);
                }
            }
            bits.skip(if self.layout.fscod < 3 { 1 } else { 0 });
        }
        if kind == 0 && self.block_count != 6 {
            bits.skip(1);
        }
        if kind == 2 && (self.block_count == 6 || bits.flag()?) {
            bits.skip(6);
        }
        if bits.flag()? {
            let size = bits.bits(6)?;
            bits.skip(7);
            // flag_ec3_extension_type_a, then complexity_index_type_a (ETSI TS 103 420 section 8.3).
            if bits.flag()? && size >= 1 {
                self.objects = Some(bits.byte(8)?);
            }
        }
        Some(())
    }

    fn skip_mix_data(&self, bits: &mut BitReader<'_>, kind: u8) -> Option<()> {
        let acmod = self.layout.acmod;
        bits.skip(if acmod > 2 { 2 } else { 0 });
        bits.skip(if acmod & 1 != 0 && acmod > 2 { 6 } else { 0 });
        bits.skip(if acmod & 4 != 0 { 6 } else { 0 });
        if self.layout.has_lfe && bits.flag()? {
            bits.skip(5);
        }
        if kind != 0 {
            return Some(());
        }
        // pgmscl, pgmscl2, extpgmscl.
        for _ in 0..if acmod == 0 { 3 } else { 2 } {
            if bits.flag()? {
                bits.skip(6);
            }
        }
        match bits.bits(2)? {
            1 => bits.skip(5),
            2 => bits.skip(12),
            3 => {
                let size = bits.bits(5)?;
                bits.skip(u64::from(size.saturating_add(2)) * 8);
            }
            _ => {}
        }
        if acmod < 2 {
            for _ in 0..if acmod == 0 { 2 } else { 1 } {
                if bits.flag()? {
                    bits.skip(14);
                }
            }
        }
        if bits.flag()? {
            if self.block_count == 1 {
                bits.skip(5);
            } else {
                for _ in 0..self.block_count {
                    if bits.flag()? {
                        bits.skip(5);
                    }
                }
            }
        }
        Some(())
    }
}

/// The frames of a packet that are there, each with its header.
fn frames(packet: &[u8]) -> impl Iterator<Item = Frame> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let frame = Frame::parse(rest)?;
        rest = rest.get(frame.size_bytes..).unwrap_or_default();
        Some(frame)
    })
    .take(MAX_FRAMES)
}

/// Makes the payload of `dec3` from a packet, and says how many samples it holds.
pub(super) fn dec3_from_packet(packet: &[u8]) -> Option<(Vec<u8>, Option<u32>)> {
    let first = frames(packet).find(|frame| !frame.is_dependent)?;
    let (mut dependent_count, mut map, mut size_bytes) = (0u32, 0u32, 0u64);
    let mut objects = None;
    let mut counted = [false; 8];
    for frame in frames(packet) {
        size_bytes = size_bytes.saturating_add(frame.size_bytes as u64);
        objects = objects.or(frame.objects);
        if frame.is_dependent {
            map |= frame.map.unwrap_or(0);
            // A substream comes again in each frame of the packet and counts once.
            if let Some(seen) = counted.get_mut(usize::from(frame.substream))
                && !std::mem::replace(seen, true)
            {
                dependent_count = dependent_count.saturating_add(1);
            }
        }
    }
    let samples = samples(packet)?;
    let rate = u64::from(first.layout.sample_rate_hz()?);
    let kbits = size_bytes.saturating_mul(8).saturating_mul(rate).checked_div(u64::from(samples) * 1000)?;
    let layout = first.layout;
    // One independent substream is packaged: data_rate, num_ind_sub = 0, then its description.
    let head = (u16::try_from(kbits.min(0x1FFF)).ok()?) << 3;
    let mut out = head.to_be_bytes().to_vec();
    out.push((layout.fscod << 6) | (layout.bsid << 1));
    out.push((layout.bsmod << 4) | (layout.acmod << 1) | u8::from(layout.has_lfe));
    let locations = locations_of_map(map);
    let [.., high, low] = locations.to_be_bytes();
    let dependent = u8::try_from(dependent_count.min(15)).ok()? << 1;
    if dependent_count > 0 {
        out.extend_from_slice(&[dependent | (high & 1), low]);
    } else {
        out.push(0);
    }
    if let Some(complexity) = objects {
        out.extend_from_slice(&[1, complexity]);
    }
    Some((out, Some(samples)))
}

/// Samples of a packet: the blocks of the frames of its first independent substream. `None` when it is no E-AC-3.
pub(super) fn samples(packet: &[u8]) -> Option<u32> {
    let mut blocks = 0u32;
    for frame in frames(packet).filter(|frame| !frame.is_dependent && frame.substream == 0) {
        blocks = blocks.saturating_add(frame.block_count);
    }
    (blocks > 0).then(|| blocks.saturating_mul(BLOCK_SAMPLES))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ffmpeg, 48 kHz, 5.1, 448 kbit/s.
    const AC3: &[u8] = &[0x0b, 0x77, 0xb5, 0x0b, 0x1e, 0x40, 0xeb, 0xf8, 0x40, 0x3e, 0xff, 0x99];
    /// ffmpeg, 48 kHz, 5.1, 448 kbit/s.
    const EAC3: &[u8] =
        &[0x0b, 0x77, 0x03, 0x7f, 0x3f, 0x87, 0xc0, 0x00, 0x20, 0xf8, 0x20, 0x00, 0x02, 0x00, 0x40, 0x00];

    /// Goal: the box made from a frame is the one ffmpeg writes, and is read back.
    #[test]
    fn dac3_is_made_and_read() {
        let body = dac3_from_frame(AC3).unwrap();
        assert_eq!(body, [0x10, 0x3D, 0xE0]);
        let config = configure_ac3(&body).unwrap();
        let format = config.audio.unwrap();
        assert_eq!((format.sample_rate_hz, format.channel_count, format.packet_samples), (48_000, 6, Some(1536)));
        assert!(dac3_from_frame(EAC3).is_none());
        assert!((0..7).all(|len| dac3_from_frame(&AC3[..len]).is_none()));
    }

    /// Goal: the same for E-AC-3; a packet of two frames holds twice the samples.
    #[test]
    fn dec3_is_made_and_read() {
        let mut packet = EAC3.to_vec();
        packet.resize(1792, 0);
        let (body, count) = dec3_from_packet(&packet).unwrap();
        assert_eq!((&body[..], count), (&[0x0E, 0x00, 0x20, 0x0F, 0x00][..], Some(1536)));
        let format = configure_eac3(&body, count).unwrap().audio.unwrap();
        assert_eq!((format.sample_rate_hz, format.channel_count, format.joint_object_coding), (48_000, 6, false));
        packet.extend_from_within(..);
        assert_eq!(samples(&packet), Some(3072));
        assert_eq!(samples(b"no frame"), None);
    }

    /// Goal: a dependent substream adds its channels but no samples.
    #[test]
    fn dependent_substreams_add_channels() {
        // Kind 1, substream 0, 32 bytes, 48 kHz, 6 blocks, 2/0, no LFE, bsid 16; dialnorm, no compr, chanmap with bit 6 (Lrs/Rrs).
        let text = "0000101101110111 01 000 00000001111 00 11 010 0 10000 00000 0 1 0000001000000000 0 0 0";
        let mut bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        bits.resize(32 * 8, 0);
        let dependent = bits.chunks(8).map(|c| c.iter().fold(0, |byte, bit| byte << 1 | bit));
        let mut packet = EAC3.to_vec();
        packet.resize(1792, 0);
        packet.extend(dependent);
        let (body, count) = dec3_from_packet(&packet).unwrap();
        assert_eq!((&body[4..], count), (&[0x02, 0x02][..], Some(1536)));
        assert_eq!(configure_eac3(&body, count).unwrap().audio.unwrap().channel_count, 8);
    }

    /// Goal: the extension behind the substreams is what tells Atmos.
    #[test]
    fn objects_are_told() {
        let config = configure_eac3(&[0x0E, 0x00, 0x20, 0x0F, 0x00, 0x01, 0x10], None).unwrap();
        assert!(config.audio.unwrap().joint_object_coding);
    }
}
