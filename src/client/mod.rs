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
//! | file | holds |
//! |---|---|
//! | `runner` | the located binary |
//! | `locate` | the search for it |
//! | `invocation` | one call of it: arguments, stdin, bounds |
//! | `order` | what the caller asks of a running call |
//! | `run`, `canceller`, `driver` | a call under tokio: its handle, and the task that serves its pipes |
//! | `distant_stop` | `iac-runner cancel`, for a run that another process owns |
//! | [`blocking`] | the same with threads |
//! | `lines`, `reading`, `event` | from bytes to typed events and the result |
//! | `verdict` | exit status compared with the document |
//! | `kept`, `tail` | the child that is always reaped; the end of its stderr |
//!
//! A failed tool is a result, not an error: `Err` means that no trustworthy result exists.
//!
//! # Signals and children
//! The client starts the runner in its own process group, so that a Ctrl-C at the caller's terminal reaches only
//! the caller, which then decides. The client never sends a signal by process id to stop a run: a stop goes through
//! the runner's stdin or through `iac-runner cancel`. The async side does not use SIGCHLD: the end of the stream
//! shows that the runner exits, and a short-lived thread reaps it.

pub mod blocking;
mod canceller;
mod distant_stop;
mod driver;
mod error;
mod event;
mod invocation;
mod kept;
mod lines;
mod locate;
mod order;
mod reading;
mod run;
mod runner;
mod tail;
mod verdict;

pub use canceller::Canceller;
pub use error::{ClientError, ReadFault};
pub use event::RunEvent;
pub use run::Run;
pub use runner::{DEFAULT_MARGIN, Runner};
