/// Placeholder.
#[derive(Debug)]
pub struct MemoryRecords {}
