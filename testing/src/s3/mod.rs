//! Requests to the S3 front, made and signed by hand.

pub mod asking;
pub mod sigv4;
pub mod world;
