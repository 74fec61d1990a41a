use serde::{Deserialize, Serialize};

use super::{Codec, HdrKind, TrackInfo};

/// What a device can play. The same facts rank releases and choose between copying and converting.
///
/// ```
/// use prostream_core::model::DeviceProfile;
/// let device = DeviceProfile::named("chromium").unwrap();
/// assert!(device.max_height.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceProfile {
    /// Name shown in explanations.
    pub name: String,
    /// Video codecs with their limits; a codec that is not listed does not play.
    pub video: Vec<VideoCapability>,
    /// Names of audio codecs that play: `aac`, `ac3`, `eac3`, `opus`, `flac`, `mp3`.
    pub audio: Vec<String>,
    /// Most channels that the device takes; `None` is any.
    pub max_channels: Option<u16>,
    /// High dynamic range kinds that are shown right: `pq`, `hlg`.
    pub hdr: Vec<String>,
    /// Tallest picture, in pixels; `None` is any.
    pub max_height: Option<u32>,
    /// What the network carries, in bits a second; `None` is unknown.
    pub bandwidth_bits_per_s: Option<u64>,
    /// Pictures that are shown before others that precede them in decode order may say so by a negative offset (ISO/IEC 14496-12, version 1
    /// of `trun`). Players built on ffmpeg show all pictures late then: `mpv`, `vlc` and `ffplay` are given times without.
    pub takes_negative_offsets: bool,
}

/// One video codec that plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoCapability {
    /// `h264`, `hevc`, `av1` or `vp9`.
    pub codec: String,
    /// Most bits of a component: 8 or 10.
    pub max_bit_depth: u8,
}

impl Default for DeviceProfile {
    fn default() -> Self {
        Self::any()
    }
}

impl DeviceProfile {
    fn build(name: &str, video: &[(&str, u8)], audio: &[&str], hdr: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            video: video
                .iter()
                .map(|(codec, max_bit_depth)| VideoCapability {
                    codec: (*codec).to_owned(),
                    max_bit_depth: *max_bit_depth,
                })
                .collect(),
            audio: audio.iter().map(|codec| (*codec).to_owned()).collect(),
            max_channels: None,
            hdr: hdr.iter().map(|kind| (*kind).to_owned()).collect(),
            max_height: None,
            bandwidth_bits_per_s: None,
            takes_negative_offsets: true,
        }
    }

    /// A player that takes everything we package.
    #[must_use]
    pub fn any() -> Self {
        Self::build(
            "any",
            &[("h264", 10), ("hevc", 12), ("av1", 12), ("vp9", 12)],
            &["aac", "ac3", "eac3", "opus", "flac", "mp3"],
            &["pq", "hlg"],
        )
    }

    /// A ready-made profile: `any`, `chromium`, `firefox`, `safari`, `apple_tv`, `android_tv`, `mpv`, `vlc`, `ffplay`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Self::any(),
            "mpv" | "vlc" | "ffplay" => Self { name: name.to_owned(), takes_negative_offsets: false, ..Self::any() },
            "chromium" | "firefox" => {
                Self::build(name, &[("h264", 8), ("av1", 10), ("vp9", 10)], &["aac", "opus", "flac", "mp3"], &[])
            }
            "safari" => {
                Self::build(name, &[("h264", 8), ("hevc", 10)], &["aac", "ac3", "eac3", "flac"], &["pq", "hlg"])
            }
            "apple_tv" => {
                Self::build(name, &[("h264", 8), ("hevc", 10)], &["aac", "ac3", "eac3", "flac", "opus"], &["pq", "hlg"])
            }
            "android_tv" => Self::build(
                name,
                &[("h264", 8), ("hevc", 10), ("vp9", 10), ("av1", 10)],
                &["aac", "ac3", "eac3", "opus", "flac", "mp3"],
                &["pq", "hlg"],
            ),
            _ => return None,
        })
    }

    /// Why the device cannot play a track as it is; `None` when it can.
    #[must_use]
    pub fn why_not(&self, track: &TrackInfo) -> Option<String> {
        let name = match track.codec {
            Codec::Text(_) => return None,
            Codec::Other => return Some(format!("{} is not packaged without conversion", track.codec_string)),
            codec => codec.name(),
        };
        if let Some(video) = &track.video {
            let Some(capability) = self.video.iter().find(|capability| capability.codec == name) else {
                return Some(format!("{} does not decode {name}", self.name));
            };
            if video.bit_depth.is_some_and(|depth| depth > capability.max_bit_depth) {
                return Some(format!("{} decodes {name} up to {} bits", self.name, capability.max_bit_depth));
            }
            if self.max_height.is_some_and(|height| video.height > height) {
                return Some(format!("{} is taller than the limit", video.height));
            }
            let hdr = match video.hdr() {
                Some(HdrKind::Pq) => "pq",
                Some(HdrKind::Hlg) => "hlg",
                None => return None,
            };
            return (!self.hdr.iter().any(|kind| kind == hdr)).then(|| format!("{} does not show {hdr}", self.name));
        }
        if !self.audio.iter().any(|codec| codec == name) {
            return Some(format!("{} does not decode {name}", self.name));
        }
        let channel_count = track.audio.as_ref().map_or(0, |audio| audio.channel_count);
        match self.max_channels {
            Some(most) if channel_count > most => Some(format!("{} takes {most} channels", self.name)),
            _ => None,
        }
    }
}
