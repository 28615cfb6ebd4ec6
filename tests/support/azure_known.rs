//! Differences between Écluse and Azurite that are as they should be, each with the page of Microsoft's that bears witness.
//!
//! The patterns are of [`Known`]: `*` is anything. First those that Azurite answers otherwise than Azure does.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part")]

use crate::azure_run::Known;

/// What every known difference is.
pub const KNOWN: &[Known] = &[];
