//! The file custodian: a root key in a file of mode 0600.

/// Holds the root key in a file.
pub struct FileCustodian;
