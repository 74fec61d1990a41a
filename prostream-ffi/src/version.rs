//! Which library this is.

use std::ffi::c_char;

/// Version of the ABI. Raised when a function or a number changes its meaning; additions leave it alone.
pub const PROSTREAM_ABI_VERSION: u32 = 1;

/// The version of the library, such as "0.1.0".
///
/// @return never NULL; valid for ever; not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the ABI that the library was built with: compare it with PROSTREAM_ABI_VERSION of the header.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_abi_version() -> u32 {
    PROSTREAM_ABI_VERSION
}
