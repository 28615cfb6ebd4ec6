//! put.
