//! Writes boxes.

use bytes::Bytes;

/// Writes boxes one after the other into a single buffer.
#[derive(Debug, Default)]
pub(super) struct BoxWriter {
    pub(super) out: Vec<u8>,
}

impl BoxWriter {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    /// One box: its size is filled in once `content` is written.
    pub(super) fn write(&mut self, kind: [u8; 4], content: impl FnOnce(&mut Self)) {
        let at = self.out.len();
        self.u32(0);
        self.bytes(&kind);
        content(self);
        let size = u32::try_from(self.out.len().saturating_sub(at)).unwrap_or(u32::MAX);
        self.patch(at, size);
    }

    /// A box that begins with a version and flags.
    pub(super) fn write_full(&mut self, kind: [u8; 4], version: u8, flags: u32, content: impl FnOnce(&mut Self)) {
        self.write(kind, |out| {
            out.u32(u32::from(version) << 24 | flags);
            content(out);
        });
    }

    pub(super) fn patch(&mut self, at: usize, value: u32) {
        if let Some(slot) = self.out.get_mut(at..at.saturating_add(4)) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.out.resize(self.out.len().saturating_add(count), 0);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }
}
