//! What lengths and equal content tell the provider.

use std::collections::BTreeSet;

use ecluse::gateway::Settings;
use ecluse::seal::Padding;
use ecluse::seal::layout::{HEADER_BYTES, SEALED_SEGMENT_BYTES};

use super::attacker::*;
use testing::in_process::*;

async fn stored_lengths(house: &House, length: usize) -> Vec<usize> {
    let record = Target::of_chum("record", noise(length as u64, length));
    record.put(house).await;
    record.sealed(house).await.iter().map(bytes::Bytes::len).collect()
}

/// "Breaking and Fixing Content-Defined Chunking" (Truong et al., RWC 2025): stored lengths tell which file it is.
#[tokio::test]
async fn objects_of_one_size_class_are_stored_in_as_many_chunks_of_the_same_lengths() {
    let house = House::new().await;
    let bare = House::with(Settings { padding: Padding::None, ..settings() }).await;
    for length in [1, 1_025, 70_001, 1_000_001, CHUNK + 1, CHUNK + 300_001] {
        let largest = Padding::Padme.padded_length(length as u64) as usize;
        assert!(largest > length);
        let of_smallest = stored_lengths(&house, length).await;
        for other in [largest, length + (largest - length) / 2] {
            assert_eq!(stored_lengths(&house, other).await, of_smallest, "{length} and {other}");
        }
        assert_ne!(stored_lengths(&house, largest + 1).await, of_smallest, "the next class");
        let without = [stored_lengths(&bare, length).await, stored_lengths(&bare, largest).await];
        assert_ne!(without[0], without[1], "without padding, lengths tell");
    }
}

/// Truong et al. (RWC 2025): deduplication confirms that a file is known.
#[tokio::test]
async fn the_same_content_twice_has_no_segment_in_common() {
    let house = House::new().await;
    let twins = ["one", "other"].map(|name| Target::of_chum(name, vec![0; 5 * 65_536]));
    let mut seen = BTreeSet::new();
    for twin in &twins {
        twin.put(&house).await;
        for sealed in twin.sealed(&house).await {
            let (header, body) = sealed.split_at(HEADER_BYTES);
            assert!(seen.insert(header.to_vec()));
            // Not even segments of zeros, within one object or across two.
            assert!(body.chunks(SEALED_SEGMENT_BYTES).all(|segment| seen.insert(segment.to_vec())));
        }
    }
    assert_eq!(seen.len(), 2 * 6);
}
