//! bucket.
