//! The backend's side: finds the binary, runs it, streams its events, stops it, picks a run up again.
//!
//! Imports `protocol` and nothing else of this crate: a run always is a process of `iac-runner`, so
//! that whatever becomes of the caller, its supervisor lives on.
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
//! | `locate` | where it is looked for |
//! | `invocation` | one call of it: arguments, stdin, bounds |
//! | `order` | what the caller wants of a running call |
//! | `run`, `canceller`, `driver` | a call under tokio: its handle, and the task that serves its pipes |
//! | `distant_stop` | `iac-runner cancel`, for a run that another process carries |
//! | [`blocking`] | the same with threads |
//! | `lines`, `reading`, `event` | from bytes to typed events and the result |
//! | `verdict` | exit status against document |
//! | `kept`, `tail` | the child that is always reaped; the end of its stderr |
//!
//! A tool that failed is a result, not an error: `Err` says that no trustworthy result could be had.
//!
//! # Signals and children
//! The runner is started in a process group of its own, so that a Ctrl-C at the caller's terminal
//! reaches the caller alone, which then decides. No signal is ever sent by process id: a stop goes over
//! the runner's stdin, or through `iac-runner cancel`. The async side takes no SIGCHLD: the end of the
//! stream tells that the runner ends, and a thread of a moment reaps it.

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
