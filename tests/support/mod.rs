//! What several test files share.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part of it")]

pub mod azurite;
pub mod s3_server;
pub mod store_suite;
