//! The gateway and Azurite are asked the same random steps, and their answers compared.

pub mod blob_steps;
pub mod compare;
pub mod flat;
pub mod generator;
pub mod known;
pub mod ops;
pub mod run;
pub mod script;
pub mod side;
