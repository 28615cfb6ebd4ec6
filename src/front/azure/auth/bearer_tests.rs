//! Tokens that are believed and tokens that are not.
