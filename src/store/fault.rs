//! A decorator that fails on command, for tests.

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The call fails.
    Fail,
}
/// Which calls go wrong.
#[derive(Debug, Default)]
pub struct FaultPlan;
/// Fails as planned.
pub struct Faulty;
