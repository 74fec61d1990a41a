//! Panics stop here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Failure, PROSTREAM_INTERNAL, PROSTREAM_OK, prostream_status, remember};

/// Runs one entry point: a failure becomes a status and the thread's last error, a panic becomes `PROSTREAM_INTERNAL`.
pub(crate) fn guard(work: impl FnOnce() -> Result<(), Failure>) -> prostream_status {
    // What a panic leaves half-done is behind locks that ignore poison or is dropped with the call.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => PROSTREAM_OK,
        Ok(Err(failure)) => {
            remember(&failure.text);
            failure.status
        }
        Err(_) => {
            remember("a defect of the library was caught; please report what you called");
            PROSTREAM_INTERNAL
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a panic never crosses the border to C.
    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("on purpose")), PROSTREAM_INTERNAL);
        assert_eq!(guard(|| Ok(())), PROSTREAM_OK);
    }
}
