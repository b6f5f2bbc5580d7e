//! A whole deployment: from its source through plan, approval and apply to its outputs.
//!
//! ```no_run
//! use iac_runner::client::Runner;
//! use iac_runner::protocol::Tool;
//! use iac_runner::session::{DeployRequest, Sessions, Settings, Status};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = Sessions::open(Settings::new(Runner::locate()?, "/var/lib/deployments"))?;
//! let request = DeployRequest::git(Tool::Tofu, "https://example.com/infra.git", "main");
//! let session = sessions.start(request)?;
//! let mut watch = session.watch();
//! let now = watch.wait_for(|now| now.status != Status::Running).await?.clone();
//! // A plan without changes waits for nobody.
//! if let (Status::AwaitingApproval, Some(digest)) = (now.status, now.plan_digest) {
//!     println!("{}", session.plan().ok_or("no plan")?);
//!     session.approve("alice", "as discussed", &digest).await?;
//! }
//! println!("{:?}", session.wait().await?.reason);
//! # Ok(())
//! # }
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `sessions`, `settings` | starts sessions, takes them up again |
//! | `handle`, `snapshot`, `outputs` | what a caller has of a session |
//! | `order`, `published` | what goes between a handle and the driver |
//! | [`request`], [`flags`], [`words`] | what a session is asked to do |
//! | `state`, `event`, `transition` | where a session goes when something happens, as one pure function |
//! | `facts`, `journal` | what has happened, folded, and on disk |
//! | `driver` | the task that does what comes next |
//! | `commands`, `verdict` | from a stage to the runner's request, from its result to an event |
//! | `binding`, `content`, `tree`, `modules`, `tool_file`, `digest` | what an approval is bound to |
//! | `ephemeral` | which applies need the variables once more |
//! | `missing_submodules` | says where files of submodules may be missing |
//! | `log` | every line, for any number of readers |
//! | `place`, `boot`, `retention`, `local_state` | the session's directory, and its end |
//!
//! # What is durable, and when
//! An event is in the journal before anything that follows from it is done. So whatever moment a process
//! ends at, the journal says what may have begun; the run directory of a run says how far it came; and
//! `session.lock` says whether anybody carries the session.
//!
//! # Secrets
//! Values of `env_vars`, passwords and private keys are in memory alone. The plan file is the tool's: it
//! holds the values of sensitive variables in clear, in a directory that only its owner can enter, and goes
//! with the session.

mod binding;
mod boot;
mod commands;
mod content;
mod digest;
mod driver;
mod ephemeral;
mod error;
mod event;
mod facts;
pub mod flags;
mod handle;
mod id;
mod journal;
mod local_state;
mod log;
mod missing_submodules;
mod modules;
mod order;
mod outputs;
mod place;
mod published;
pub mod request;
mod retention;
mod sessions;
mod settings;
mod snapshot;
mod state;
mod status;
mod tool_file;
mod transition;
mod tree;
mod verdict;
pub mod words;

#[cfg(test)]
mod transition_tests;

pub use digest::{NotADigest, PlanDigest};
pub use error::{IllegalTransition, RecoverError, SessionError, StartError};
pub use handle::{MAX_DECISION_BYTES, Session};
pub use id::SessionId;
pub use log::{LogLine, Logs, MAX_LINE_BYTES};
pub use outputs::{Output, OutputError, Outputs};
pub use request::{DeployRequest, InvalidRequest, Operation, RecordError};
use retention::Retention;
pub use sessions::{Recovered, Sessions};
pub use settings::{
    DEFAULT_APPROVAL_DEADLINE, DEFAULT_CHECKOUT_TIMEOUT, DEFAULT_RETENTION, Settings,
};
pub use snapshot::{DecisionMade, PhaseTimes, Snapshot, Verdict};
pub use status::{Phase, Reason, Status};
