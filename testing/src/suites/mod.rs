//! What every implementation of a trait promises.

pub mod catalog;
pub mod chunk_store;
pub mod object_store;
