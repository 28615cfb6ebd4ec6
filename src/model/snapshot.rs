//! Names of snapshots.

use std::fmt;

/// When a snapshot was taken, in units of 100 ns since the Unix epoch: its name among those of one object.
///
/// Clients see `2026-11-25T15:02:16.1234567Z`. Source: Azure "Snapshot Blob", `x-ms-snapshot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub i64);
