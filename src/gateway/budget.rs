//! The memory budget for bodies in flight.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory for bodies in flight, in units of [`Budget::UNIT_BYTES`]. Above it clients wait, first come first served.
#[derive(Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: u32,
}

/// A share of the budget; given back on drop.
pub struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    /// Granularity, in bytes.
    pub const UNIT_BYTES: u64 = 4096;

    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / Self::UNIT_BYTES).unwrap_or(u32::MAX >> 4).clamp(1, u32::MAX >> 4);
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits for `bytes` of it. What is larger than the whole budget takes the whole.
    pub async fn take(&self, bytes: u64) -> Option<Share> {
        let units = self.units_of(bytes);
        let permit = Arc::clone(&self.units).acquire_many_owned(units).await.ok()?;
        Some(Share { _permit: permit })
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        (u64::from(self.total)).saturating_sub(self.units.available_permits() as u64) * Self::UNIT_BYTES
    }

    /// Bytes in all.
    pub fn total_bytes(&self) -> u64 {
        u64::from(self.total) * Self::UNIT_BYTES
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(Self::UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.total)
    }
}
