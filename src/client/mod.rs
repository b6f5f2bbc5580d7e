//! The client library: finds the binary, runs it, streams its events, stops it, attaches to a run again.
//!
//! Imports `protocol` and nothing else of this crate. A run always is a process of `iac-runner`, so that its
//! supervisor survives the caller.
//!
//! ```no_run
//! use iac_runner::client::Runner;
//! use iac_runner::protocol::{Request, Tool};
//!
//! # async fn example() -> Result<(), iac_runner::client::ClientError> {
//! let runner = Runner::locate()?;
//! let result = runner.run(&Request::new(Tool::Terraform, "/srv/app", "plan")).await?;
//! println!("{}", if result.success { result.output } else { result.error_msg });
//! # Ok(())
//! # }
//! ```
//!
//! A failed tool is a result, not an error: `Err` means that no trustworthy result exists.
//!
//! # Signals and children
//! The client starts the runner in its own process group, so that a Ctrl-C at the caller's terminal reaches only
//! the caller, which then decides. The client never sends a signal by process id to stop a run: a stop goes through
//! the runner's stdin or through `iac-runner cancel`. The async side does not use SIGCHLD: the end of the stream
//! shows that the runner exits, and a short-lived thread reaps it.

pub mod blocking;
mod call;
mod canceller;
mod error;
mod event;
mod locate;
mod run;
mod runner;

pub use canceller::Canceller;
pub use error::{ClientError, ReadFault};
pub use event::RunEvent;
pub use run::Run;
pub use runner::{DEFAULT_MARGIN, Runner};
