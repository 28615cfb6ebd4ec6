//! Start-up order and exit codes.

fn main() {}
