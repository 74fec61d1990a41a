//! Differences to ffprobe that are meant to be there: each with the films it is about and the reason.
//!
//! A difference that no entry names fails the test, and so does, when all films run, an entry that no film shows any more.

use crate::compare::{Aspect, Difference};
use crate::films::Film;

/// A difference that is as it should be.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) aspect: Aspect,
    /// Is this difference of this film the one that is meant?
    pub(crate) is_meant: fn(&Film, &Difference) -> bool,
    pub(crate) reason: &'static str,
}

pub(crate) const KNOWN: &[Known] = &[];

/// The entry that names a difference.
pub(crate) fn find(film: &Film, difference: &Difference) -> Option<usize> {
    KNOWN.iter().position(|known| known.aspect == difference.aspect && (known.is_meant)(film, difference))
}
