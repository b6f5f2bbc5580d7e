//! The client for callers without tokio, with an outer deadline.
//!
//! `wait-timeout` puts that deadline on the runner process. It takes SIGCHLD for the whole process:
//! **do not use this module in a process that runs tokio** and starts children there; the async
//! client needs no SIGCHLD and has no such limit.
//!
//! ```no_run
//! use iac_runner::client::blocking::Runner;
//! use iac_runner::protocol::{Request, Tool};
//!
//! # fn example() -> Result<(), iac_runner::client::ClientError> {
//! let result = Runner::locate()?.run(&Request::new(Tool::Tofu, "/srv/app", "plan"))?;
//! println!("{}", result.output);
//! # Ok(())
//! # }
//! ```

mod canceller;
mod pipes;
mod run;
mod runner;

pub use crate::client::DEFAULT_MARGIN;
pub use canceller::Canceller;
pub use run::Run;
pub use runner::Runner;
