//! Values that every other module speaks in: names, identifiers, conditions, ranges, principals.
//!
//! # Invariants
//! - Nothing here does I/O, and nothing here is a secret.
//! - A value that exists is valid: every constructor checks.

mod access;
mod block;
mod condition;
mod cors;
mod digest;
mod etag;
mod identity;
mod lease;
mod metadata;
mod names;
mod part;
mod quota;
mod range;
mod snapshot;
mod tags;
mod timestamp;

pub use access::{Action, Authorized, Denied, Grant, Operation, Principal, Requirement, Scope, Sight, Standing};
pub use block::{Block, BlockId, BlockPick, BlockSource};
pub use condition::{Combination, Conditions, CurrentState, EtagCondition, Unmet};
pub use cors::{CorsMatch, CorsPlace, CorsRule, CorsTarget, CrossOrigin, MOST_ASKED_HEADERS, first_that_fits};
pub use digest::{Checksum, ChecksumAlgorithm};
pub use etag::ETag;
pub use identity::{CatalogId, CatalogIdentity, EpochEntry, Epochs, NoteId};
pub use lease::{LONGEST_BREAK_SECONDS, Lease, LeaseAction, LeaseFault, LeaseOutcome, LeaseState};
pub use metadata::{AppendState, CopyRecord, Metadata, ShownMd5, SystemMetadata, Tier};
pub use names::{BucketName, BucketRef, ClientId, InvalidName, ObjectKey, ProviderName, TenantId};
pub use part::{ChunkName, Part, PartBlock, PartId, Slice, TenantKeyPurpose, WrappedKey, WrappedTenantKey};
pub use quota::{Quota, Quotas, Usage};
pub use range::{ByteRange, RangeRequest, Unsatisfiable};
pub use snapshot::SnapshotId;
pub use tags::{TagCharacters, TagExpression, TagFault, TagRange, Tags, check_bucket_tags, check_tags};
pub use timestamp::{CLOCK_TRUST, Timestamp};
