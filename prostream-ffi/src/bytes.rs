//! Bytes to C.

use std::ptr;

use bytes::Bytes;

use crate::guard::guard;
use crate::status::{Failure, prostream_status};

/// Bytes that the library owns. To be given back with `prostream_bytes_free`.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct prostream_bytes {
    /// The first byte; NULL when there are none. Text is followed by a NUL that is not counted.
    pub data: *const u8,
    /// How many there are.
    pub size: usize,
    /// For the library alone.
    pub owner: *mut core::ffi::c_void,
}

/// Where a function writes bytes: checked before any work is done.
pub(crate) struct Out(*mut prostream_bytes);

impl Out {
    /// # Safety
    /// `out` is NULL or points to writable memory for a `prostream_bytes`, for as long as the call lasts.
    pub(crate) unsafe fn new(out: *mut prostream_bytes) -> Result<Self, Failure> {
        if out.is_null() { Err(Failure::invalid_input("out_bytes is NULL")) } else { Ok(Self(out)) }
    }

    pub(crate) fn write(self, bytes: Bytes) {
        let owner = Box::new(bytes);
        let value = prostream_bytes {
            data: if owner.is_empty() { ptr::null() } else { owner.as_ptr() },
            size: owner.len(),
            owner: Box::into_raw(owner).cast(),
        };
        // SAFETY: not NULL, and whoever made `self` promised writable memory.
        unsafe { self.0.write(value) };
    }

    /// Text, with a NUL behind it so that C may print it.
    pub(crate) fn write_text(self, text: String) {
        let size = text.len();
        let mut buffer = text.into_bytes();
        buffer.push(0);
        let owner = Box::new(Bytes::from(buffer));
        let value = prostream_bytes { data: owner.as_ptr(), size, owner: Box::into_raw(owner).cast() };
        // SAFETY: as above.
        unsafe { self.0.write(value) };
    }
}

/// Gives bytes back and clears the struct, so that a second call does nothing.
///
/// @param bytes NULL, or a struct that a function of the library filled (or that was cleared).
/// # Safety
/// `bytes` is NULL or points to such a struct; no other thread uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prostream_bytes_free(bytes: *mut prostream_bytes) -> prostream_status {
    guard(|| {
        if bytes.is_null() {
            return Ok(());
        }
        let empty = prostream_bytes { data: ptr::null(), size: 0, owner: ptr::null_mut() };
        // SAFETY: not NULL; the caller promises a filled or cleared struct of which it is the only user.
        let old = unsafe { ptr::replace(bytes, empty) };
        if !old.owner.is_null() {
            // SAFETY: `owner` came out of `Box::into_raw` of a `Bytes` above, and the struct that held it was just cleared.
            drop(unsafe { Box::from_raw(old.owner.cast::<Bytes>()) });
        }
        Ok(())
    })
}
