//! What is done: each operation reads what it was asked, calls the gateway, and makes its answer.

pub(super) mod attributes;
pub(super) mod bucket_tagging;
pub(super) mod buckets;
pub(super) mod copy;
pub(super) mod cors;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod listing;
pub(super) mod multipart;
pub(super) mod paging;
pub(super) mod put;
pub(super) mod received;
pub(super) mod tagging;
pub(super) mod truths;
pub(super) mod uploads;
