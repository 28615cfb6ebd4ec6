//! Limit, deadline, retry, breaker and metrics around one provider.

/// Settings of a guard.
#[derive(Debug, Clone)]
pub struct GuardSettings;
/// A guarded provider.
pub struct Guarded;
