//! delete.
