//! The `iac-backend` binary.

use std::process::ExitCode;

use clap::Parser;
use iac_backend::cli::{self, Arguments};

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
