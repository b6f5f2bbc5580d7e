//! The handle of a session.

pub(super) mod command;
pub(super) mod publisher;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use self::command::{Command, PendingCommand};
use self::publisher::Published;
use super::machine::event::Decision;
use super::machine::state::Stop;
use super::request::RequestSecrets;
use super::storage::log::{Log, Logs};
use super::{Outputs, Phase, PlanDigest, SessionError, SessionId, Snapshot};
use crate::plan::PlanSummary;

/// Longest `by` and `comment` of a decision, in bytes each.
pub const MAX_DECISION_BYTES: usize = 4096;

/// A deployment, from its source to its outputs; clones are handles of the same session.
///
/// A task of the tokio runtime drives the session and continues when every handle is dropped. When the runtime or
/// the whole process ends, running commands continue under their supervisor, and [`Session::recover`] resumes the
/// session.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) id: SessionId,
    pub(super) dir: PathBuf,
    pub(super) log: Log,
    pub(super) published: Arc<Published>,
    pub(super) commands: mpsc::Sender<PendingCommand>,
}

impl Session {
    /// Returns the id of the session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Returns the directory that contains everything of the session, for [`Session::recover`].
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the current state of the session.
    pub fn status(&self) -> Snapshot {
        self.published.snapshot.borrow().clone()
    }

    /// Returns a receiver for the state of the session. The state changes with every event; waiting for a change
    /// fails when the task that drives the session is gone.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.published.snapshot.clone()
    }

    /// Returns the lines of the log from this offset: first the existing ones, then each new one.
    pub fn logs(&self, offset: u64) -> Logs {
        self.log.read_from(offset)
    }

    /// Returns the existing log lines of one phase, each with its newline; only the last ones if all exceed
    /// `most_bytes`.
    pub fn log_text(&self, phase: Phase, most_bytes: usize) -> String {
        self.log_end(&[phase], most_bytes)
    }

    /// Returns the last existing log lines of some phases, in order, each with its newline, in at most `most_bytes`
    /// bytes. The time depends on the size of the answer, not of the log.
    pub fn log_end(&self, phases: &[Phase], most_bytes: usize) -> String {
        self.log.tail(phases, most_bytes)
    }

    /// Returns the summary of the plan, once it exists. With `auto_approve`, that is shortly after the apply has
    /// begun.
    pub fn plan(&self) -> Option<Arc<PlanSummary>> {
        self.published.plan.borrow().clone()
    }

    /// Returns the progress of the checkout, in git's words; `None` if no checkout is running.
    pub fn progress(&self) -> Option<String> {
        self.published.progress.borrow().clone()
    }

    /// Returns the outputs, once they have been read.
    pub fn outputs(&self) -> Option<Arc<Outputs>> {
        self.published.outputs.borrow().clone()
    }

    /// Approves the plan with this digest.
    ///
    /// Before the apply begins, everything that the digest covers is checked again; if anything differs, nothing is
    /// applied.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when no plan waits, another plan waits, or a decision was already made;
    /// [`SessionError::SecretsMissing`] after a recovery without them. Nothing happens then.
    pub async fn approve(
        &self,
        by: &str,
        comment: &str,
        plan_digest: &PlanDigest,
    ) -> Result<(), SessionError> {
        short("by", by)?;
        short("comment", comment)?;
        self.send(Command::Approve(Decision {
            by: by.to_owned(),
            comment: comment.to_owned(),
            digest: Some(plan_digest.clone()),
        }))
        .await
    }

    /// Rejects the plan: nothing is applied and the session ends.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when no plan waits. Nothing happens then.
    pub async fn reject(&self, by: &str, comment: &str) -> Result<(), SessionError> {
        short("by", by)?;
        short("comment", comment)?;
        self.send(Command::Reject(Decision {
            by: by.to_owned(),
            comment: comment.to_owned(),
            digest: None,
        }))
        .await
    }

    /// Ends the session: a running command is stopped gracefully, and the state records what it did.
    ///
    /// Returns when the stop is requested; [`wait`](Self::wait) returns when it is done.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when the session has ended.
    pub async fn cancel(&self, by: &str) -> Result<(), SessionError> {
        self.stop(Stop::Cancel, by).await
    }

    /// Ends the session at once: a running command is killed. The state may miss what the command was doing, and
    /// its lock may stay held.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when the session has ended.
    pub async fn force_cancel(&self, by: &str) -> Result<(), SessionError> {
        self.stop(Stop::Force, by).await
    }

    async fn stop(&self, stop: Stop, by: &str) -> Result<(), SessionError> {
        short("by", by)?;
        self.send(Command::Stop {
            stop,
            by: by.to_owned(),
        })
        .await
    }

    /// Supplies the secrets of the request to a session that was recovered without them.
    ///
    /// Has no effect on a session that has them.
    ///
    /// # Errors
    /// [`SessionError::SecretsMissing`] when some are missing.
    pub async fn supply(&self, secrets: RequestSecrets) -> Result<(), SessionError> {
        self.send(Command::Supply(secrets)).await
    }

    /// Waits until the session has ended.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when the task that drives it is gone, with its runtime.
    pub async fn wait(&self) -> Result<Snapshot, SessionError> {
        let mut is_over = self.published.is_over.clone();
        // An error means that the task that could end it is gone.
        match is_over.wait_for(|is_over| *is_over).await {
            Ok(_) => Ok(self.status()),
            Err(_) => Err(self.gone()),
        }
    }

    async fn send(&self, command: Command) -> Result<(), SessionError> {
        let (answer, answered) = oneshot::channel();
        let pending = PendingCommand { command, answer };
        self.commands.send(pending).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> SessionError {
        SessionError::Gone {
            dir: self.dir.clone(),
        }
    }
}

/// Checks the length of a text that stays in the journal.
const fn short(field: &'static str, text: &str) -> Result<(), SessionError> {
    if text.len() > MAX_DECISION_BYTES {
        return Err(SessionError::TooLong {
            field,
            most_bytes: MAX_DECISION_BYTES,
        });
    }
    Ok(())
}
