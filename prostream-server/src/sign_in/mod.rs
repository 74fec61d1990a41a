//! Keys that come from a sign-in by a code: the file that holds one, and what renews it while the server runs.
//!
//! `prostream sign-in` writes a key file, `key_file` of an account's settings names it, [`keep_renewed`] writes the next key into it before
//! this one ends.

mod key_file;
mod renewing;

pub(crate) use key_file::{HeldKey, KeyPlace, read_key_file, shown};
pub(crate) use renewing::{Renewable, keep_renewed};
