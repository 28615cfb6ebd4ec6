//! Letting requests in: which place they name, who asks, which operation it is, and whether all of it is there.

pub(super) mod address;
pub(super) mod admit;
pub(super) mod arrival;
pub(super) mod ask;
pub(super) mod auth;
pub(super) mod house;
pub(super) mod routing;
pub(super) mod unsupported;
