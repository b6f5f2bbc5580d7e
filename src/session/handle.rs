//! The handle of a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::event::Decision;
use super::log::{Log, Logs};
use super::order::{Order, Wish};
use super::published::Published;
use super::request::RequestSecrets;
use super::state::Stop;
use super::{Outputs, Phase, PlanDigest, SessionError, SessionId, Snapshot};
use crate::plan::PlanSummary;

/// Longest `by` and `comment` of a decision, in bytes each.
pub const MAX_DECISION_BYTES: usize = 4096;

/// A deployment, from its source to its outputs; clones are handles of the same.
///
/// The session is carried by a task of the tokio runtime and goes on when every handle is dropped. When
/// the runtime or the whole process ends, what runs is left to its supervisor, and
/// [`Session::recover`] takes the session up again.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) id: SessionId,
    pub(super) dir: PathBuf,
    pub(super) log: Log,
    pub(super) published: Arc<Published>,
    pub(super) orders: mpsc::Sender<Order>,
}

impl Session {
    /// The name of the session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The directory that holds everything of the session, for [`Session::recover`].
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the session stands.
    pub fn status(&self) -> Snapshot {
        self.published.snapshot.borrow().clone()
    }

    /// Something to watch where the session stands with: it changes with every event, and waiting for a change
    /// fails when the task that carries the session is gone.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.published.snapshot.clone()
    }

    /// The lines of the log from this offset on, the past ones first, then each as it comes.
    pub fn logs(&self, offset: u64) -> Logs {
        self.log.read_from(offset)
    }

    /// The lines of one phase that are in the log by now, each with its newline; only the last ones when
    /// they have more than this many bytes.
    pub fn log_text(&self, phase: Phase, most_bytes: usize) -> String {
        self.log_end(&[phase], most_bytes)
    }

    /// The last lines of some phases that are in the log by now, in order, each with its newline, in at most
    /// this many bytes. However long the log is, this takes as long as what it gives.
    pub fn log_end(&self, phases: &[Phase], most_bytes: usize) -> String {
        self.log.tail(phases, most_bytes)
    }

    /// Returns the summary of the plan, once there is one. With `auto_approve`, that is shortly after the apply has begun.
    pub fn plan(&self) -> Option<Arc<PlanSummary>> {
        self.published.plan.borrow().clone()
    }

    /// How far the checkout is, in the words of git; none when nothing is checked out now.
    pub fn progress(&self) -> Option<String> {
        self.published.progress.borrow().clone()
    }

    /// The outputs, once they were read.
    pub fn outputs(&self) -> Option<Arc<Outputs>> {
        self.published.outputs.borrow().clone()
    }

    /// Lets the plan with this digest be applied.
    ///
    /// Before that begins, everything that the digest covers is looked at again; if anything differs, nothing
    /// is applied.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when no plan waits, or another one, or somebody has decided;
    /// [`SessionError::SecretsMissing`] after a recovery without them. Nothing happens then.
    pub async fn approve(
        &self,
        by: &str,
        comment: &str,
        plan_digest: &PlanDigest,
    ) -> Result<(), SessionError> {
        short("by", by)?;
        short("comment", comment)?;
        self.order(Wish::Approve(Decision {
            by: by.to_owned(),
            comment: comment.to_owned(),
            digest: Some(plan_digest.clone()),
        }))
        .await
    }

    /// Refuses the plan: nothing is applied and the session is over.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when no plan waits. Nothing happens then.
    pub async fn reject(&self, by: &str, comment: &str) -> Result<(), SessionError> {
        short("by", by)?;
        short("comment", comment)?;
        self.order(Wish::Reject(Decision {
            by: by.to_owned(),
            comment: comment.to_owned(),
            digest: None,
        }))
        .await
    }

    /// Ends the session: a command that runs is stopped gracefully, and what it did is in the state.
    ///
    /// It returns when that was asked for; [`wait`](Self::wait) tells when it is done.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when the session is over.
    pub async fn cancel(&self, by: &str) -> Result<(), SessionError> {
        self.stop(Stop::Cancel, by).await
    }

    /// Ends the session at once: a command that runs is killed, and what it was doing may be missing in the
    /// state, whose lock may stay held.
    ///
    /// # Errors
    /// [`SessionError::Illegal`] when the session is over.
    pub async fn force_cancel(&self, by: &str) -> Result<(), SessionError> {
        self.stop(Stop::Force, by).await
    }

    async fn stop(&self, stop: Stop, by: &str) -> Result<(), SessionError> {
        short("by", by)?;
        self.order(Wish::Stop {
            stop,
            by: by.to_owned(),
        })
        .await
    }

    /// Gives back the secrets of the request to a session that was recovered without them.
    ///
    /// A session that has them takes no notice.
    ///
    /// # Errors
    /// [`SessionError::SecretsMissing`] when they are not all of them.
    pub async fn supply(&self, secrets: RequestSecrets) -> Result<(), SessionError> {
        self.order(Wish::Supply(secrets)).await
    }

    /// Waits until the session is over.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when the task that carries it is gone, with its runtime.
    pub async fn wait(&self) -> Result<Snapshot, SessionError> {
        let mut is_over = self.published.is_over.clone();
        // An error says that whoever could end it is gone.
        match is_over.wait_for(|is_over| *is_over).await {
            Ok(_) => Ok(self.status()),
            Err(_) => Err(self.gone()),
        }
    }

    async fn order(&self, wish: Wish) -> Result<(), SessionError> {
        let (answer, answered) = oneshot::channel();
        let order = Order { wish, answer };
        self.orders.send(order).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> SessionError {
        SessionError::Gone {
            dir: self.dir.clone(),
        }
    }
}

/// What stands in the journal for ever has to be short.
const fn short(field: &'static str, text: &str) -> Result<(), SessionError> {
    if text.len() > MAX_DECISION_BYTES {
        return Err(SessionError::TooLong {
            field,
            most_bytes: MAX_DECISION_BYTES,
        });
    }
    Ok(())
}
