//! The `iac-runner` binary.
fn main() {}
