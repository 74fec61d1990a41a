/// Placeholder.
#[derive(Debug)]
pub struct SqliteRecords {}
