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
//! // A plan without changes needs no approval.
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
//! | `sessions`, `settings` | starts and recovers sessions |
//! | `handle`, `snapshot`, `outputs` | the caller's view of a session |
//! | `order`, `published` | messages between a handle and the driver |
//! | [`request`], [`flags`], [`words`] | the request for a session |
//! | `state`, `event`, `transition` | the next state for each event, as one pure function |
//! | `facts`, `journal` | the events, folded, and on disk |
//! | `driver` | the task that runs the next step |
//! | `commands`, `verdict` | from a stage to the runner's request, from its result to an event |
//! | `binding`, `content`, `tree`, `modules`, `tool_file`, `digest` | what an approval is bound to |
//! | `ephemeral` | which applies need the variables again |
//! | `missing_submodules` | hints at missing files of submodules |
//! | `log` | every line, for any number of readers |
//! | `place`, `boot`, `retention`, `local_state` | the session's directory, and its removal |
//!
//! # What is durable, and when
//! The journal stores an event before anything that follows from it is done. So at any moment a process ends,
//! the journal says what may have begun, the run directory of a run says how far it came, and `session.lock` says
//! whether a process owns the session.
//!
//! # Secrets
//! Values of `env_vars`, passwords and private keys are in memory only. The plan file belongs to the tool: it
//! contains the values of sensitive variables in plain text, in a directory that only its owner can access, and is
//! removed with the session.

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
mod reach;
pub mod request;
mod retention;
mod sessions;
mod settings;
mod snapshot;
mod sources;
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
pub use retention::remove_old_sessions;
pub use sessions::{Recovered, Sessions};
pub use settings::{
    DEFAULT_APPROVAL_DEADLINE, DEFAULT_CHECKOUT_TIMEOUT, DEFAULT_RETENTION, Settings,
};
pub use snapshot::{DecisionMade, PhaseTimes, Snapshot, Verdict};
pub use status::{Phase, Reason, Status};
