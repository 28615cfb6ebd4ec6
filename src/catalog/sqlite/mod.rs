//! sqlite.
/// SQLite.
pub struct SqliteCatalog;
