//! Sealing and opening chunks: the format of `docs/format.md`, version 1.
//!
//! Synchronous state machines: bytes in, bytes out; no I/O, no tokio.
//!
//! # Invariants
//! - A byte of plaintext leaves an [`Opener`] only after its segment's tag was checked.
//! - Position, order, end, tenant, part and chunk index are bound into key or nonce.
//! - Whatever a provider can cause is one error, [`SealError::NotAuthentic`].
//! - Sizes and labels live in `layout.rs`.

mod derive;
mod error;
pub mod layout;
mod note;
mod opener;
mod padding;
mod sealer;
mod segment;

pub use derive::{ChunkKey, ChunkPlace, chunk_name};
pub use error::SealError;
pub use note::{note_name, open_note, seal_note};
pub use opener::{ChunkRead, Opener};
pub use padding::Padding;
pub use sealer::{SealedChunk, SealedTotals, Sealer};
pub use segment::{AwsLc, RustCrypto, SegmentCipher, segment_nonce};
