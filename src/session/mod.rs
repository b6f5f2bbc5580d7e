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
//! # What is durable, and when
//! The journal stores an event before anything that follows from it is done. So at any moment a process ends,
//! the journal says what may have begun, the run directory of a run says how far it came, and `session.lock` says
//! whether a process owns the session.
//!
//! # Secrets
//! Values of `env_vars`, passwords and private keys are in memory only. The plan file belongs to the tool: it
//! contains the values of sensitive variables in plain text, in a directory that only its owner can access, and is
//! removed with the session.

mod approval;
mod error;
mod executor;
mod handle;
mod id;
mod machine;
mod outputs;
pub mod request;
mod sessions;
mod settings;
pub(crate) mod snapshot;
mod sources;
mod status;
mod storage;

pub use self::approval::digest::{NotADigest, PlanDigest};
pub use self::snapshot::{DecisionMade, PhaseTimes, Snapshot, Verdict};
pub use self::storage::log::{LogLine, Logs, MAX_LINE_BYTES};
use self::storage::retention::Retention;
pub use self::storage::retention::{Removal, remove_old_sessions};
pub use error::{IllegalTransition, RecoverError, SessionError, StartError};
pub use handle::{MAX_DECISION_BYTES, Session};
pub use id::SessionId;
pub use outputs::{Output, OutputError, Outputs};
pub use request::{DeployRequest, InvalidRequest, Operation, RecordError};
pub use sessions::{Recovered, Sessions};
pub use settings::{
    DEFAULT_APPROVAL_DEADLINE, DEFAULT_CHECKOUT_TIMEOUT, DEFAULT_RETENTION, Settings,
};
pub use status::{Phase, Reason, Status};
