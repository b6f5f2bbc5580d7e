//! What a session says goes into the store.

use std::pin::Pin;
use std::time::Duration;

use iac_runner::session::{Logs, Reason, Session, Snapshot, Status};
use tracing::{error, info, warn};

use super::Service;
use crate::causes::Causes;
use crate::metrics::Course;
use crate::store::{Ending, Held, Lease, Progress, StoreError, StoredLine};

/// Most lines that are put in at a time.
const LINES_AT_A_TIME: usize = 500;
/// Pause before the store is asked once more.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the store is going to say.
pub(super) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Held, StoreError>> + Send + 'a>>;

/// Nobody wants to hear from this process about the deployment any more.
struct Lost;

impl Service {
    /// Follows a session to its end, and keeps that.
    pub(super) async fn mirror(&self, lease: &Lease, session: &Session) {
        let id = lease.deployment;
        let mut course = Course::default();
        let done = match self.follow(lease, session, &mut course).await {
            Ok(()) => self.keep_the_end(lease, session, &course).await,
            Err(Lost) => Err(Lost),
        };
        if done.is_err() && !*self.parts.is_stopping.borrow() {
            warn!(deployment = %id, "was taken over by another node: it is stopped here");
            // Only what is over refuses.
            let _ = session.cancel("the node that took it over").await;
        }
    }

    async fn follow(
        &self,
        lease: &Lease,
        session: &Session,
        course: &mut Course,
    ) -> Result<(), Lost> {
        let store = self.store();
        let mut snapshots = session.watch();
        // What the session says by now may not be in the store.
        snapshots.mark_changed();
        let mut logs = session.logs(self.next_line(lease).await?);
        let mut renewal = tokio::time::interval(self.parts.lease / 3);
        let mut is_plan_kept = false;
        loop {
            tokio::select! {
                line = logs.next_line() => match line {
                    Some(line) => {
                        let lines = with_those_at_hand(line.into(), &mut logs);
                        self.keep(|| store.add_lines(lease, &lines)).await?;
                    }
                    None => return Ok(()),
                },
                Ok(()) = snapshots.changed() => {
                    let now = snapshots.borrow_and_update().clone();
                    course.see(&now, self.parts.settings.approval_deadline);
                    self.keep_progress(lease, &now).await?;
                    is_plan_kept = is_plan_kept || self.keep_plan(lease, session).await?;
                    // Who waits for an approval leaves room for another.
                    self.parts.wake.notify_one();
                }
                _ = renewal.tick() => {
                    let lasts = self.parts.lease;
                    self.keep(|| store.renew(lease, lasts)).await?;
                }
            }
        }
    }

    async fn keep_the_end(
        &self,
        lease: &Lease,
        session: &Session,
        course: &Course,
    ) -> Result<(), Lost> {
        let Ok(end) = session.wait().await else {
            // Its task went with the runtime: the next start takes it up.
            return Ok(());
        };
        let store = self.store();
        self.keep_progress(lease, &end).await?;
        self.keep_plan(lease, session).await?;
        if let Some(outputs) = session.outputs() {
            let outputs = json(outputs.as_ref());
            self.keep(|| store.keep_outputs(lease, &outputs)).await?;
        }
        let ending = Ending {
            reason: end.reason.unwrap_or(Reason::Internal),
            error: end.error.clone(),
            at: end.ended_at.unwrap_or_else(chrono::Utc::now),
        };
        self.keep(|| store.finish(lease, &ending)).await?;
        self.metrics().finish(&end, ending.reason, course);
        info!(deployment = %lease.deployment, reason = ?ending.reason, "has ended");
        Ok(())
    }

    async fn keep_progress(&self, lease: &Lease, now: &Snapshot) -> Result<(), Lost> {
        let progress = progress(now);
        let store = self.store();
        self.keep(|| store.keep_progress(lease, &progress)).await
    }

    /// Keeps the plan, when there is one; says whether there was.
    async fn keep_plan(&self, lease: &Lease, session: &Session) -> Result<bool, Lost> {
        let Some(plan) = session.plan() else {
            return Ok(false);
        };
        let (store, plan) = (self.store(), json(plan.as_ref()));
        self.keep(|| store.keep_plan(lease, &plan)).await?;
        Ok(true)
    }

    async fn next_line(&self, lease: &Lease) -> Result<u64, Lost> {
        let mut stopping = self.stopping();
        loop {
            match self.store().next_line(lease.deployment).await {
                Ok(next) => return Ok(next),
                Err(fault) => again(&fault, &mut stopping).await?,
            }
        }
    }

    async fn keep<'a>(&self, ask: impl Fn() -> Answer<'a> + Send + Sync) -> Result<(), Lost> {
        match self.insist(ask).await {
            Held::Yes => Ok(()),
            Held::Lost => Err(Lost),
        }
    }

    /// Asks the store until it answers, or the service stops.
    pub(super) async fn insist<'a>(&self, ask: impl Fn() -> Answer<'a> + Send + Sync) -> Held {
        let mut stopping = self.stopping();
        loop {
            match ask().await {
                Ok(held) => return held,
                Err(fault) => {
                    if again(&fault, &mut stopping).await.is_err() {
                        return Held::Lost;
                    }
                }
            }
        }
    }
}

async fn again(
    fault: &StoreError,
    stopping: &mut tokio::sync::watch::Receiver<bool>,
) -> Result<(), Lost> {
    error!(
        error = %Causes(fault),
        "the store does not answer"
    );
    tokio::select! {
        _ = stopping.wait_for(|is_stopping| *is_stopping) => Err(Lost),
        () = tokio::time::sleep(AGAIN_AFTER) => Ok(()),
    }
}

fn with_those_at_hand(first: StoredLine, logs: &mut Logs) -> Vec<StoredLine> {
    let mut lines = vec![first];
    while lines.len() < LINES_AT_A_TIME {
        let Some(line) = logs.line_at_hand() else {
            break;
        };
        lines.push(line.into());
    }
    lines
}

/// What is kept while a deployment is active: that it is over is said by its end alone.
fn progress(now: &Snapshot) -> Progress {
    Progress {
        status: match now.status {
            Status::AwaitingApproval => Status::AwaitingApproval,
            Status::Running | Status::Success | Status::Failed | Status::Cancelled => {
                Status::Running
            }
        },
        phase: now.phase,
        error: now.error.clone(),
        commit: now.commit.as_ref().map(ToString::to_string),
        plan_digest: now.plan_digest.as_ref().map(ToString::to_string),
        started_at: Some(now.started_at),
    }
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}
