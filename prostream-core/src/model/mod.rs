//! Nouns: plain data without I/O that every room speaks of.

mod byte_range;
mod content_id;
mod device;
mod file_hash;
mod ids;
mod language;
mod media_id;
mod picture;
mod playable;
mod release;
mod rope;
mod title;
mod track;

pub use byte_range::ByteRange;
pub use content_id::ContentId;
pub use device::{DeviceProfile, VideoCapability};
pub use file_hash::FileHash;
pub use ids::{AccountId, InfoHash, InfoHashV2, Magnet, ProviderId};
pub use language::Language;
pub use media_id::{EpisodeNumber, MediaId, TitleId, TitleKind};
pub use picture::{Picture, PictureKind, PictureSize};
pub use playable::{Location, Playable};
pub(crate) use release::is_video_extension;
pub use release::{FileEntry, Release};
pub use rope::{Extents, Rope};
pub use title::{Episode, Season, Title, TitleSummary};
pub use track::{
    AudioFormat, Codec, ColorInfo, DolbyVision, HdrKind, SampleEntry, TextFormat, TrackInfo, TrackKind, VideoFormat,
};
