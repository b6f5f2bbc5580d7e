//! The `iac-backend` binary.

use std::process::ExitCode;

use iac_backend::cli::{self, Arguments};

fn main() -> ExitCode {
    cli::run(Arguments::from_command_line())
}
