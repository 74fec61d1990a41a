//! For tests of this crate and of crates that bring their own vendors: stand-ins, and (feature `testing`) behaviour suites.

#[cfg(feature = "testing")]
pub mod cache;
#[cfg(feature = "testing")]
pub mod debrid;
#[cfg(feature = "testing")]
pub mod indexer;
#[cfg(feature = "testing")]
pub mod metadata;
#[cfg(all(feature = "testing", feature = "http"))]
pub mod outbound;
#[cfg(feature = "testing")]
pub mod records;
pub mod stand_in;
#[cfg(feature = "testing")]
pub mod subtitles;
#[cfg(feature = "testing")]
pub mod tool;
