//! Runs one request and produces one result.
//!
//! The binary is two processes. The *front* is the one that the backend starts: it reads stdin, prints to stdout,
//! and owns nothing. The *supervisor* owns the tool; it is forked before the request is read, and continues when
//! the front is killed.

mod command;
pub mod diagnosis;
mod evidence;
mod front;
mod link;
mod messages;
mod preparation;
mod result;
mod run_dir;
mod sandbox;
mod state_report;
mod subcommands;
mod supervisor;
mod tool_output;

use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;

pub use self::messages::diagnostics::print_diagnostic;
pub use self::messages::mode::Mode;
pub use self::sandbox::{SandboxLevel, sandbox_level};
use crate::process::{Side, fork_supervisor, memory_file, print, stand_alone};
use crate::protocol::{Outcome, exit_status};

/// Reads one request from stdin, runs it, and prints its result on stdout; returns the exit status.
///
/// Must be called first in a process, because it forks.
pub fn run(mode: Mode) -> u8 {
    let file_size_limit = stand_alone();
    front::panic_hook::print_on_panic(mode, Arc::default(), None);
    if let Some(sentence) = preparation::limits::unmet(preparation::limits::FILES_OF_A_RUN) {
        return refuse(mode, Outcome::NotStarted, sentence);
    }
    match split(mode, file_size_limit) {
        Ok(status) => status,
        Err(fault) => internal_fault(
            mode,
            Outcome::NotStarted,
            format!(
                "iac-runner could not set itself up: {}",
                messages::wording::of_system(&fault)
            ),
        ),
    }
}

fn split(mode: Mode, file_size_limit: Option<u64>) -> io::Result<u8> {
    let (front_socket, supervisor_socket) = UnixStream::pair()?;
    let relay = memory_file("relay")?;
    let capture = memory_file("capture")?;
    let side = match fork_supervisor() {
        Ok(side) => side,
        Err(fault) => {
            let sentence = format!(
                "the supervisor could not be started: {}",
                preparation::start_failure::explain(&fault)
            );
            return Ok(refuse(mode, Outcome::NotStarted, sentence));
        }
    };
    match side {
        Side::Front { supervisor } => {
            drop(supervisor_socket);
            block_on(front::serve(front::FrontArgs {
                socket: front_socket,
                relay,
                capture,
                mode,
                supervisor,
            }))
        }
        // Stdout may still be the front's, which detects that nothing ran, and reports it.
        Side::Supervisor(Err(fault)) => {
            print_diagnostic(&format!(
                "iac-runner: the supervisor could not set itself up: {}\n",
                messages::wording::of_system(&fault)
            ));
            std::process::exit(exit_status::INTERNAL_FAULT.into());
        }
        Side::Supervisor(Ok(())) => {
            drop(front_socket);
            let inherited = supervisor::Inherited {
                socket: supervisor_socket,
                relay,
                capture,
                mode,
                file_size_limit,
            };
            // A fault here leaves no end mark in the relay: the front reports what is known.
            let status = block_on(supervisor::serve(inherited));
            std::process::exit(status.unwrap_or(exit_status::INTERNAL_FAULT).into());
        }
    }
}

/// Attaches to the run in a directory: follows it, then prints its result.
pub fn attach(run_dir: &Path, mode: Mode) -> u8 {
    subcommands::attach::attach(run_dir, mode)
}

/// Asks the run in a directory to stop, without waiting for the stop.
pub fn cancel(run_dir: &Path, force: bool) -> u8 {
    let refuse = |sentence: String, status| {
        let answer = serde_json::json!({"requested": false, "message": sentence});
        print_text(&format!("{answer}\n"), status)
    };
    if let Some(sentence) = preparation::limits::unmet(preparation::limits::FILES_OF_A_CANCEL) {
        return refuse(sentence, exit_status::INTERNAL_FAULT);
    }
    let answer = subcommands::cancel::request_within(run_dir, force);
    match answer {
        Ok(answer) => {
            let status = if answer.requested {
                exit_status::SUCCESS
            } else {
                exit_status::TOOL_FAILED
            };
            let answer = serde_json::to_string(&answer).unwrap_or_default();
            print_text(&format!("{answer}\n"), status)
        }
        Err(fault) => refuse(fault.to_string(), fault.exit_status()),
    }
}

/// Prints what this machine has and lacks.
pub fn doctor(json: bool) -> u8 {
    let report = subcommands::doctor::report();
    let text = if json {
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        report.text()
    };
    let status = if report.ok {
        exit_status::SUCCESS
    } else {
        exit_status::TOOL_FAILED
    };
    print_text(&text, status)
}

/// Prints a result for a call that could not be carried out.
fn refuse(mode: Mode, outcome: Outcome, sentence: String) -> u8 {
    let sentence = messages::wording::one_line(&sentence);
    let result =
        result::document::of_no_tool(outcome, sentence, Utc::now()).with_output(String::new());
    // Stdout may be gone; the exit status reports the failure anyway.
    let _ = print(&result::lost_supervisor::encode(result, mode, 0));
    exit_status::of(outcome)
}

/// Prints a result for a call with wrong arguments.
pub fn refuse_usage(sentence: &str) -> u8 {
    refuse(Mode::Document, Outcome::InvalidRequest, sentence.to_owned())
}

fn internal_fault(mode: Mode, outcome: Outcome, sentence: String) -> u8 {
    refuse(mode, outcome, sentence);
    exit_status::INTERNAL_FAULT
}

/// Prints the output of a call; returns its exit status, which reports if that could not be printed.
pub fn print_text(text: &str, status: u8) -> u8 {
    match print(text.as_bytes()) {
        Ok(()) => status,
        Err(fault) => {
            // A reader that closed the pipe needs no message.
            if fault.kind() != io::ErrorKind::BrokenPipe {
                let why = messages::wording::of_system(&fault);
                print_diagnostic(&format!("iac-runner: stdout cannot be written: {why}\n"));
            }
            if status == exit_status::SUCCESS {
                exit_status::INTERNAL_FAULT
            } else {
                status
            }
        }
    }
}

/// Runs a future on a single-threaded runtime; allocates it on the heap, since the stack may be small.
fn block_on<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(Box::pin(future))
}
