//! Hashing beside sealing: the slow hashes of a long body run on another thread than its encryption.
//!
//! One stream of MD5 gives about 0.6 GB/s, a third of what the rest of an upload needs; one after the other, both would
//! be slower than either. Bytes are copied into a batch; while a full batch is hashed, the next one is filled. A body
//! that ends within the first batch, or that needs fast checksums only, is hashed where it is.
//!
//! Memory: at most two batches of [`BATCH_BYTES`] for each body.

use tokio::task::{JoinError, JoinHandle};

use super::digest::{Computed, Hashers};
use crate::gateway::Error;
use crate::gateway::processor::{Owner, Processor};

/// Bytes hashed at a time. Handing a batch over costs some 10 µs; MD5 takes 200 µs for it.
pub(in crate::gateway) const BATCH_BYTES: usize = 128 * 1024;

/// In errors.
const TASK: &str = "the hashing of a body";

/// The hashes of one body under way.
pub(in crate::gateway) struct Hashing {
    state: State,
    /// What comes next, in order.
    batch: Vec<u8>,
    /// Whose turn it is when a batch is hashed on another thread.
    processor: Processor,
    owner: Owner,
}

/// What hashing gives back: itself, and an empty batch to use again.
type Hashed = (Box<Hashers>, Vec<u8>);

enum State {
    /// Nothing is being hashed. The second is an empty batch to use again.
    Resting(Box<Hashers>, Vec<u8>),
    Busy(JoinHandle<Result<Hashed, JoinError>>),
    /// The task that had the hashes panicked; there is no digest.
    Lost,
}

impl Hashing {
    pub(in crate::gateway) fn new(hashers: Hashers, processor: Processor, owner: Owner) -> Self {
        Self { state: State::Resting(Box::new(hashers), Vec::new()), batch: Vec::new(), processor, owner }
    }

    /// Takes the next bytes. Waits when hashing is a batch behind.
    pub(in crate::gateway) async fn update(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let State::Resting(hashers, _) = &mut self.state
            && !hashers.are_slow()
        {
            hashers.update(bytes);
            return Ok(());
        }
        for piece in bytes.chunks(BATCH_BYTES) {
            if self.batch.len() + piece.len() > BATCH_BYTES {
                self.hand_over().await?;
            }
            self.batch.extend_from_slice(piece);
        }
        Ok(())
    }

    /// The digests of all bytes taken.
    pub(in crate::gateway) async fn finish(mut self) -> Result<Computed, Error> {
        let (mut hashers, _) = self.rest().await?;
        hashers.update(&self.batch);
        Ok(hashers.finish())
    }

    /// Has the batch hashed when it is its owner's turn, and an empty one takes its place.
    async fn hand_over(&mut self) -> Result<(), Error> {
        let (mut hashers, empty) = self.rest().await?;
        let full = std::mem::replace(&mut self.batch, empty);
        self.state = State::Busy(self.processor.run(self.owner.clone(), move || {
            hashers.update(&full);
            let mut batch = full;
            batch.clear();
            (hashers, batch)
        }));
        Ok(())
    }

    /// Waits until nothing is being hashed.
    async fn rest(&mut self) -> Result<(Box<Hashers>, Vec<u8>), Error> {
        match std::mem::replace(&mut self.state, State::Lost) {
            State::Resting(hashers, empty) => Ok((hashers, empty)),
            State::Busy(task) => task.await.flatten().map_err(|join| Error::lost(TASK, &join)),
            State::Lost => Err(Error::Panicked(TASK)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digests;
    use super::*;
    use crate::model::ChecksumAlgorithm;

    fn hashing(hashers: Hashers) -> Hashing {
        Hashing::new(hashers, Processor::of_process(), Owner::Gateway)
    }

    async fn in_pieces(digests: &Digests, body: &[u8], piece: usize) -> Computed {
        let mut hashing = hashing(Hashers::new(digests, true));
        for piece in body.chunks(piece) {
            hashing.update(piece).await.unwrap();
        }
        hashing.finish().await.unwrap()
    }

    #[tokio::test]
    async fn digests_are_the_same_however_a_body_arrives() {
        let checksums = vec![ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Crc64Nvme];
        let digests = Digests { checksums, ..Digests::default() };
        let body: Vec<u8> = (0..150_001_u32).flat_map(u32::to_le_bytes).collect();
        for length in [0, 1, BATCH_BYTES - 1, BATCH_BYTES, BATCH_BYTES + 1, 2 * BATCH_BYTES, body.len()] {
            let body = &body[..length];
            let mut whole = Hashers::new(&digests, true);
            whole.update(body);
            let whole = whole.finish();
            for piece in [7_777, BATCH_BYTES, BATCH_BYTES + 5, usize::MAX] {
                let computed = in_pieces(&digests, body, piece).await;
                assert_eq!(computed.md5, whole.md5, "{length} bytes by {piece}");
                assert_eq!(computed.checksums, whole.checksums, "{length} bytes by {piece}");
            }
        }
    }

    #[tokio::test]
    async fn a_panic_in_hashing_is_told_as_a_panic() {
        let mut hashing = hashing(Hashers::new(&Digests::default(), true));
        hashing.state = State::Busy(hashing.processor.run(Owner::Gateway, || panic!("a hash")));
        assert!(matches!(hashing.hand_over().await, Err(Error::Panicked(TASK))));
        assert!(matches!(hashing.finish().await, Err(Error::Panicked(TASK))));
    }

    #[tokio::test]
    async fn fast_checksums_are_computed_where_they_are() {
        let digests = Digests { checksums: vec![ChecksumAlgorithm::Crc32], ..Digests::default() };
        let mut hashing = hashing(Hashers::new(&digests, false));
        hashing.update(&[1; 3 * BATCH_BYTES]).await.unwrap();
        assert_eq!(hashing.batch.capacity(), 0);
        assert!(matches!(hashing.state, State::Resting(..)));
    }
}
