//! XML on Azure's wire: the bodies that are read and those that are written.
//!
//! # Invariants
//! - What is read is bounded, and understood whole: an element that is not known is refused, never ignored.
//! - What is written is escaped in one place.

mod cors;
mod lists;
mod read;
mod service;
mod write;

pub(in crate::front::azure) use lists::{
    BlobEntry, BlobsPage, ContainersPage, GoneContainer, ListedBlob, ListedContainer, blobs, containers, found,
};
pub(in crate::front::azure) use read::{block_list, key_info, read_tags, signed_identifiers};
pub(in crate::front::azure) use service::{read_service_properties, service_properties};
pub(in crate::front::azure) use write::{
    DelegationFields, blocks, blocks_begin, delegation_key, error, policies, stats, tags,
};

/// Reads `bytes` as each of the documents that clients send; tells as how many it can be read. For fuzzing.
pub fn read_any(bytes: &[u8]) -> usize {
    let read = [
        block_list(bytes).is_ok(),
        signed_identifiers(bytes).is_ok(),
        read_tags(bytes).is_ok(),
        key_info(bytes).is_ok(),
        read_service_properties(bytes).is_ok(),
    ];
    read.into_iter().filter(|read| *read).count()
}
