//! Bytes to C.

use std::ptr;

use bytes::Bytes;

use crate::guard::guard;
use crate::out::Out;
use crate::status::prostream_status;

/// Bytes that the library owns. To be given back with prostream_bytes_free, once: a copy of the struct is no second owner.
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

impl Out<prostream_bytes> {
    pub(crate) fn write_bytes(self, bytes: Bytes) {
        let owner = Box::new(bytes);
        self.write(prostream_bytes {
            data: if owner.is_empty() { ptr::null() } else { owner.as_ptr() },
            size: owner.len(),
            owner: Box::into_raw(owner).cast(),
        });
    }

    /// Text, with a NUL behind it so that C may print it.
    pub(crate) fn write_text(self, text: String) {
        let size = text.len();
        let mut buffer = text.into_bytes();
        buffer.push(0);
        let owner = Box::new(Bytes::from(buffer));
        self.write(prostream_bytes { data: owner.as_ptr(), size, owner: Box::into_raw(owner).cast() });
    }
}

/// Gives bytes back and clears the struct, so that a second call with it does nothing.
///
/// @param bytes NULL, or a struct that a function of the library filled, or one of zeros.
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
