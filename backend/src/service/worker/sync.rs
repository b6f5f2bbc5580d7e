//! Copies what a session reports into the store.

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use iac_runner::session::{Logs, Reason, Session, Snapshot, Status};
use tokio::time::Instant;
use tracing::{info, warn};

use super::log_limit::{LogGap, LogLimit};
use crate::auth::TAKEN_OVER;
use crate::metrics::{Metrics, PhaseTimer};
use crate::service::audit::backfill::{AuditBackfill, Moment};
use crate::service::state::active_deployments::ActiveDeployments;
use crate::service::state::retrying_store::{Lost, RetryingStore};
use crate::service::state::stop_signal::StopSignal;
use crate::service::state::wake_signal::WakeSignal;
use crate::store::{Claim, Ending, Lease, Progress, StoredLine, to_json};

/// Most lines to insert at once.
const LINES_AT_A_TIME: u16 = 500;
/// How long to collect lines and phases before storing them. Subscribers of this process get them from the session
/// meanwhile.
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// What the session has reported and the store does not have yet.
#[derive(Default)]
struct News {
    lines: Vec<StoredLine>,
    now: Option<Snapshot>,
    /// When to store it at the latest; `None` if there is nothing to store.
    due: Option<Instant>,
}

/// Whether the store has the plan, which does not change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    ToKeep,
    Kept,
}

/// Follows sessions to their ends, and stores what they report.
pub(crate) struct SessionSync {
    pub(in crate::service) store: RetryingStore,
    pub(in crate::service) audit: AuditBackfill,
    pub(in crate::service) active_deployments: ActiveDeployments,
    pub(in crate::service) metrics: Arc<Metrics>,
    pub(in crate::service) wake: WakeSignal,
    pub(in crate::service) stop: StopSignal,
    /// How long a renewed lease of a deployment lasts.
    pub(in crate::service) lease: Duration,
    pub(in crate::service) log_limit: ByteSize,
    pub(in crate::service) approval_deadline: Duration,
}

impl SessionSync {
    /// Follows a session to its end, and stores that.
    pub(super) async fn run(&self, claim: &Claim, session: &Session) {
        let lease = &claim.lease;
        let id = lease.deployment;
        let mut course = PhaseTimer::default();
        let done = match self.follow(lease, session, &mut course).await {
            Ok(plan) => self.store_end(claim, session, plan, &course).await,
            Err(Lost) => Err(Lost),
        };
        if done.is_err() && !self.stop.is_stopping() {
            warn!(deployment = %id, "deployment taken over by another node; stopping it here");
            // Fails only if the session has already ended.
            let _ = session.cancel(TAKEN_OVER).await;
        }
    }

    async fn follow(
        &self,
        lease: &Lease,
        session: &Session,
        course: &mut PhaseTimer,
    ) -> Result<Plan, Lost> {
        let mut snapshots = session.watch();
        // The store may lack what the session has reported so far.
        snapshots.mark_changed();
        let mut limit = LogLimit::new(self.log_limit);
        let next = self.take_kept_lines(lease, &mut limit).await?;
        let mut logs = session.logs(next);
        let mut renewal = tokio::time::interval(self.lease / 3);
        let mut news = News::default();
        let mut plan = Plan::ToKeep;
        let mut status = None;
        loop {
            let due = news.due.unwrap_or_else(Instant::now);
            let is_due = tokio::select! {
                line = logs.next_line() => match line {
                    Some(line) => {
                        news.take_lines(line.into(), &mut logs);
                        news.lines.len() >= usize::from(LINES_AT_A_TIME)
                    }
                    // The final state is stored with the end.
                    None => {
                        self.store_lines(lease, &news.lines, &mut limit).await?;
                        return Ok(plan);
                    }
                },
                Ok(()) = snapshots.changed() => {
                    let now = snapshots.borrow_and_update().clone();
                    course.see(&now, self.approval_deadline);
                    // People wait for a status change and look for it in lists. The final status is stored with the
                    // end.
                    let is_urgent = status != Some(now.status) && now.ended_at.is_none();
                    news.take_snapshot(now);
                    // A deployment that waits for approval makes room for another.
                    self.wake.wake();
                    is_urgent
                }
                () = tokio::time::sleep_until(due), if news.due.is_some() => true,
                _ = renewal.tick() => {
                    let lasts = self.lease;
                    self.store.while_leased(|store| store.renew(lease, lasts)).await?;
                    false
                }
            };
            if !is_due {
                continue;
            }
            let gathered = std::mem::take(&mut news);
            self.store_lines(lease, &gathered.lines, &mut limit).await?;
            // Before the digest of the plan: a client that sees the digest can get the plan as well.
            plan = self.store_plan(lease, session, plan).await?;
            if let Some(now) = &gathered.now {
                status = Some(now.status);
                self.store_progress(lease, now).await?;
                self.active_deployments
                    .note_kept(lease.deployment, now.status);
            }
        }
    }

    /// Stores lines, and removes others if the log is too long now.
    async fn store_lines(
        &self,
        lease: &Lease,
        lines: &[StoredLine],
        limit: &mut LogLimit,
    ) -> Result<(), Lost> {
        if lines.is_empty() {
            return Ok(());
        }
        self.store
            .while_leased(|store| store.add_lines(lease, lines))
            .await?;
        self.leave_out(lease, limit.take(lines)).await
    }

    async fn leave_out(&self, lease: &Lease, gap: Option<LogGap>) -> Result<(), Lost> {
        let Some(LogGap { last, marker }) = gap else {
            return Ok(());
        };
        self.store
            .while_leased(|store| store.leave_out_lines(lease, &marker, last))
            .await
    }

    /// Counts the lines that another process has stored; returns the number of the next line.
    async fn take_kept_lines(&self, lease: &Lease, limit: &mut LogLimit) -> Result<u64, Lost> {
        let id = lease.deployment;
        let mut next = 0;
        loop {
            let lines = self
                .store
                .until_answered(|store| store.lines(id, next, LINES_AT_A_TIME.into()))
                .await?;
            let Some(last) = lines.last() else {
                return Ok(next);
            };
            next = last.line + 1;
            self.leave_out(lease, limit.take(&lines)).await?;
        }
    }

    async fn store_end(
        &self,
        claim: &Claim,
        session: &Session,
        plan: Plan,
        course: &PhaseTimer,
    ) -> Result<(), Lost> {
        let Ok(end) = session.wait().await else {
            // Its task ended with the runtime; the next start recovers it.
            return Ok(());
        };
        let lease = &claim.lease;
        // Before the end is stored: entries still pending about an ended deployment came too late.
        self.audit.compare(claim, session, Moment::Ended).await?;
        self.store_progress(lease, &end).await?;
        self.store_plan(lease, session, plan).await?;
        if let Some(outputs) = session.outputs() {
            let outputs = to_json(outputs.as_ref());
            self.store
                .while_leased(|store| store.keep_outputs(lease, &outputs))
                .await?;
        }
        let ending = Ending {
            reason: end.reason.unwrap_or(Reason::Internal),
            error: end.error.clone(),
            at: end.ended_at.unwrap_or_else(chrono::Utc::now),
        };
        self.store
            .while_leased(|store| store.finish(lease, &ending))
            .await?;
        self.metrics.finish(&end, ending.reason, course);
        info!(deployment = %lease.deployment, reason = ?ending.reason, "deployment ended");
        Ok(())
    }

    async fn store_progress(&self, lease: &Lease, now: &Snapshot) -> Result<(), Lost> {
        let progress = progress(now);
        self.store
            .while_leased(|store| store.keep_progress(lease, &progress))
            .await
    }

    /// Stores the plan, once there is one.
    async fn store_plan(
        &self,
        lease: &Lease,
        session: &Session,
        before: Plan,
    ) -> Result<Plan, Lost> {
        if before == Plan::Kept {
            return Ok(before);
        }
        let Some(plan) = session.plan() else {
            return Ok(Plan::ToKeep);
        };
        let plan = to_json(plan.as_ref());
        self.store
            .while_leased(|store| store.keep_plan(lease, &plan))
            .await?;
        Ok(Plan::Kept)
    }
}

impl News {
    /// Takes a line, and the lines that are available after it.
    fn take_lines(&mut self, first: StoredLine, logs: &mut Logs) {
        self.lines.push(first);
        while self.lines.len() < usize::from(LINES_AT_A_TIME) {
            let Some(line) = logs.line_at_hand() else {
                break;
            };
            self.lines.push(line.into());
        }
        self.has_come();
    }

    /// Takes a snapshot, which replaces the previous one.
    fn take_snapshot(&mut self, now: Snapshot) {
        self.now = Some(now);
        self.has_come();
    }

    fn has_come(&mut self) {
        self.due
            .get_or_insert_with(|| Instant::now() + GATHERED_FOR);
    }
}

/// Returns the progress to store while a deployment is active; only `finish` records that it has ended.
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
        warnings: now.warnings.clone(),
        commit: now.commit.as_ref().map(ToString::to_string),
        plan_digest: now.plan_digest.as_ref().map(ToString::to_string),
        sandbox: now.sandbox.clone(),
        started_at: Some(now.started_at),
    }
}
