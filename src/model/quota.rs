//! Quotas: how much a client may have or a bucket may hold, and how much it has.

use super::{BucketRef, ClientId};

/// How much each of these may have. Who is not named has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Clients, of what they wrote in whatever bucket.
    pub clients: Vec<(ClientId, Quota)>,
    /// Buckets, of what they hold, whoever wrote it.
    pub buckets: Vec<(BucketRef, Quota)>,
}

/// How much a client may have, or a bucket hold, at most. `None`: as much as there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Plaintext bytes: of all versions (snapshots and what is retained, too), of upload parts and of blocks that wait. Copies
    /// count as if their bytes were their own.
    pub bytes: Option<u64>,
    /// Versions.
    pub objects: Option<u64>,
    /// Uploads in progress, and names with blocks that wait.
    pub uploads: Option<u64>,
}

/// How much a client or a bucket has, in the units of [`Quota`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Plaintext bytes.
    pub bytes: u64,
    /// Versions.
    pub objects: u64,
    /// Uploads, and names with blocks that wait.
    pub uploads: u64,
}

impl Quota {
    /// Whether it limits nothing.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// Whether what one has `after` a change is more than it may have, and more than it had `before`. What shrinks or
    /// stays is never refused, however much it is.
    pub fn refuses(&self, before: Usage, after: Usage) -> bool {
        let over = |most: Option<u64>, before: u64, after: u64| after > before && most.is_some_and(|most| after > most);
        over(self.bytes, before.bytes, after.bytes)
            || over(self.objects, before.objects, after.objects)
            || over(self.uploads, before.uploads, after.uploads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_grows_beyond_is_refused() {
        let quota = Quota { bytes: Some(100), objects: None, uploads: Some(0) };
        let has = |bytes, objects, uploads| Usage { bytes, objects, uploads };
        assert!(!quota.refuses(has(0, 0, 0), has(100, 9, 0)));
        assert!(quota.refuses(has(100, 0, 0), has(101, 0, 0)));
        assert!(!quota.refuses(has(200, 0, 3), has(150, 0, 3)), "less than before, though too much");
        assert!(quota.refuses(has(0, 0, 0), has(0, 0, 1)));
        assert!(!Quota::default().refuses(has(0, 0, 0), has(u64::MAX, u64::MAX, u64::MAX)));
    }
}
