//! Places where C wants its results.

use crate::status::Failure;

/// Where a function writes its result: looked at before any work is done, written only at the end of work that succeeded.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `out` is NULL or points to writable memory for a `T`, for as long as the call lasts.
    pub(crate) unsafe fn new(out: *mut T, name: &str) -> Result<Self, Failure> {
        if out.is_null() { Err(Failure::invalid_input(format!("{name} is NULL"))) } else { Ok(Self(out)) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: not NULL, and whoever made `self` promised writable memory. What it held before is C's and is not dropped.
        unsafe { self.0.write(value) };
    }
}
