//! The `iac-runner` binary.

// They panic where stdout or stderr takes nothing.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use iac_runner::process::on_enough_stack;
use iac_runner::protocol::{Subject, exit_status, schema};
use iac_runner::runner::{self, Mode};

/// Runs one command of terraform or tofu: one JSON request on stdin, one JSON result on stdout.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Arguments {
    /// Print events as they happen, one JSON object a line; the last one carries the result
    #[arg(long)]
    stream: bool,

    #[command(subcommand)]
    call: Option<Call>,
}

const AFTER_HELP: &str = "\
Example:
  echo '{\"tool\":\"terraform\",\"work_dir\":\"/tmp\",\"command\":\"version\"}' | iac-runner

Exit status: 0 success, 1 the tool failed, 2 invalid request or usage, 3 not started, 4 timed out,
5 cancelled or killed, 6 outcome unknown, 70 internal fault, or stdout did not take the whole answer.";

#[derive(Subcommand)]
enum Call {
    /// Pick up a run whose front died: follow it, then print its result
    Attach {
        /// The run's `run_dir`
        run_dir: PathBuf,
        /// Print its events from the first one on
        #[arg(long)]
        stream: bool,
    },
    /// Stop a run from another process
    Cancel {
        /// The run's `run_dir`
        run_dir: PathBuf,
        /// End the tool at once, without a grace; its state may be lost
        #[arg(long)]
        force: bool,
    },
    /// Print the JSON Schema of a document
    Schema {
        /// The document
        document: Document,
    },
    /// Show what this machine has and lacks
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Document {
    Request,
    Result,
    Event,
}

fn main() -> ExitCode {
    ExitCode::from(on_enough_stack(|| {
        Arguments::try_parse().map_or_else(|fault| explain(&fault), execute)
    }))
}

/// Prints help for a person; and for a program that called with wrong arguments, a document.
fn explain(fault: &clap::Error) -> u8 {
    let text = fault.render().to_string();
    if fault.use_stderr() {
        runner::print_diagnostic(&text);
        runner::refuse_usage("the arguments are not understood, see stderr and `iac-runner --help`")
    } else {
        runner::print_text(&text, exit_status::SUCCESS)
    }
}

fn execute(arguments: Arguments) -> u8 {
    let mode = |stream| if stream { Mode::Stream } else { Mode::Document };
    match arguments.call {
        None => runner::run(mode(arguments.stream)),
        Some(Call::Attach { run_dir, stream }) => runner::attach(&run_dir, mode(stream)),
        Some(Call::Cancel { run_dir, force }) => runner::cancel(&run_dir, force),
        Some(Call::Schema { document }) => print_schema(document),
        Some(Call::Doctor { json }) => runner::doctor(json),
    }
}

fn print_schema(document: Document) -> u8 {
    let subject = match document {
        Document::Request => Subject::Request,
        Document::Result => Subject::Result,
        Document::Event => Subject::Event,
    };
    runner::print_text(&format!("{:#}\n", schema(subject)), exit_status::SUCCESS)
}
