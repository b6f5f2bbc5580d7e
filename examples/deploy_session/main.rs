//! Runs a deployment from a terminal: checkout, init, plan, approval, apply, outputs.
//!
//! ```text
//! cargo build
//! cargo run --example deploy_session -- --repo https://example.com/infra.git --ref main
//! ```
//!
//! Logs, plan and question go to stderr, outputs to stdout.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `outset` | from the command line to a session: runner, settings, request |
//! | `carry` | follows the session from its first line to its last |
//! | `question` | reads answers from the terminal |
//! | `interrupts` | Ctrl-C |
//! | `screen` | prints lines, and the elapsed time |
//! | `ending` | prints outputs and result; exit status |

mod arguments;
mod carry;
mod ending;
mod interrupts;
mod outset;
mod question;
mod screen;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use iac_runner::protocol::exit_status;
use iac_runner::session::{SessionError, StartError};
use interrupts::Interrupts;
use outset::NotAsked;
use screen::Screen;

/// How to supply missing secrets.
const NAMES_OF_SECRETS: &str = "variables with --env, a token with --git-token-env, a key with --ssh-key; the session waits on";

fn main() -> ExitCode {
    deploy(&Arguments::parse()).unwrap_or_else(|fault| refuse(&*fault))
}

fn deploy(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    // More than one thread: a blocked terminal does not delay the session.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before anything starts that a Ctrl-C could leave behind.
        let mut interrupts = Interrupts::listen()?;
        let (sessions, session) = outset::session(arguments)?;
        let mut screen = Screen::new();
        let ended = carry::carry(&session, arguments, &mut interrupts, &mut screen).await?;
        ending::show_outputs(&session, arguments.show_sensitive, &mut screen);
        ending::show_end(&session, &ended, &mut screen);
        drop(sessions);
        Ok(ending::exit_status(&ended).into())
    })
}

/// Reports why there is no session, or why it was left as it is.
fn refuse(fault: &(dyn Error + 'static)) -> ExitCode {
    let mut sentence = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        sentence.push_str(&format!(": {fault}"));
        cause = fault.source();
    }
    if let Some(SessionError::SecretsMissing { names }) = fault.downcast_ref() {
        let names = names.join(", ");
        sentence =
            format!("the values of {names} are not kept: name them again; {NAMES_OF_SECRETS}");
    }
    Screen::new().say(&format!("deploy_session: {sentence}"));
    if is_of_request(fault) {
        exit_status::INVALID.into()
    } else {
        exit_status::NOT_STARTED.into()
    }
}

fn is_of_request(fault: &(dyn Error + 'static)) -> bool {
    matches!(fault.downcast_ref(), Some(StartError::Invalid(_))) || fault.is::<NotAsked>()
}
