//! What every catalog promises, as functions over `&dyn Catalog`.

pub mod azure;
pub mod belonging;
pub mod blocks;
pub mod bucket_tags;
pub mod buckets;
pub mod cors;
pub mod histories;
pub mod leases;
pub mod listing;
pub mod many;
pub mod queue;
pub mod quotas;
pub mod retention;
pub mod slices;
pub mod suite;
pub mod times;
