/// Placeholder.
#[derive(Debug)]
pub struct MemoryCache {}
