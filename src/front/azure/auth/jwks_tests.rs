//! Where keys come from, and how often they are asked for.
