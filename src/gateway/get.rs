//! get.
