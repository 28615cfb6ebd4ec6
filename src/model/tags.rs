//! Tags: what a client writes on objects to find them by.
//!
//! Source: Azure "Set Blob Tags", "Find Blobs by Tags" (grammar of `where`), "Specifying conditional headers" (`x-ms-if-tags`);
//! S3 "Categorizing your storage using tags".

use std::collections::BTreeMap;

/// Tags of an object: names and values, ordered by name. At most ten.
pub type Tags = BTreeMap<String, String>;
