//! memory.
/// In memory.
#[derive(Default)]
pub struct MemoryCatalog;
