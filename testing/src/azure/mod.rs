//! Requests to the Azure front, made and signed by hand, and what is read back.

pub mod asking;
pub mod sdk;
pub mod settle;
pub mod shared_key;
pub mod wire;
pub mod workload;
pub mod world;
