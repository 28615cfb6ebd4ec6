//! Providers: real ones, one that records what it sees, one that answers with anything; and what may reach any of them.

pub mod azurite;
pub mod hostile;
pub mod place;
pub mod recorder;
pub mod s3_server;
pub mod shape;
