//! Events sent to one subscriber of a log.

pub(super) mod sse_event;
pub(super) mod status_events;

use std::collections::VecDeque;
use std::time::Duration;

use iac_runner::session::{Logs, Phase, Snapshot, Status};
use serde_json::json;
use tokio::sync::watch;

use self::sse_event::SseEvent;
use self::status_events::StatusEvents;
use crate::causes::Causes;
use crate::metrics::Subscriber;
use crate::service::{Service, waiting_line};
use crate::store::{Deployment, DeploymentId, QueueState, StoreError, StoredLine};

/// Id of the last event. A client that reconnects with it has seen everything.
pub(super) const END_ID: &str = "end";
/// Number of lines read from the store at once.
const PAGE: u32 = 500;
/// How often to poll a deployment that another process runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One subscriber. It reads at its own pace, from a file or from the store; nothing waits for it.
pub(super) struct LogStream {
    service: Service,
    id: DeploymentId,
    /// Number of the next line to send.
    next: u64,
    /// Lines read from the store and not sent yet.
    page: VecDeque<StoredLine>,
    live: Option<LiveLog>,
    /// Status changes, sent and pending.
    telling: StatusEvents,
    carried: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
    /// The deployment last reported as the one this deployment waits for.
    waits_for: Option<DeploymentId>,
    is_over: bool,
    _subscriber: Subscriber,
}

/// The log of a session in this process.
struct LiveLog {
    logs: Logs,
    snapshots: watch::Receiver<Snapshot>,
}

impl LogStream {
    pub(super) fn new(service: Service, id: DeploymentId, from: u64) -> Self {
        Self {
            carried: service.reads().active_changes(),
            stopping: service.stopping(),
            _subscriber: service.metrics().subscribe(),
            service,
            id,
            next: from,
            page: VecDeque::new(),
            live: None,
            telling: StatusEvents::default(),
            waits_for: None,
            is_over: false,
        }
    }

    /// Returns the next event, or `None` at the end of the stream.
    ///
    /// Cancel-safe: dropping the future loses no event.
    pub(super) async fn next_event(&mut self) -> Option<SseEvent> {
        while !self.is_over {
            if let Some(line) = self.page.pop_front() {
                return Some(self.log(&line));
            }
            if let Some((status, phase)) = self.telling.next() {
                return Some(status_event(status, phase));
            }
            let step = match &mut self.live {
                Some(live) => live.step(&mut self.stopping).await,
                None => self.look().await.unwrap_or_else(|fault| {
                    tracing::error!(
                        error = %Causes(&fault),
                        "log not readable"
                    );
                    Step::GiveUp
                }),
            };
            match step {
                Step::Line(line) => return Some(self.log(&line)),
                Step::Remark(text) => return Some(remark(text)),
                Step::Stands(now) => self.telling.note(&now),
                Step::SessionOver => {
                    if let Some(live) = self.live.take() {
                        self.telling.note(&live.snapshots.borrow());
                    }
                }
                Step::Again => {}
                Step::Ended(deployment) => {
                    self.is_over = true;
                    return Some(ended(&deployment));
                }
                // The client reconnects by itself and continues where it was.
                Step::GiveUp => self.is_over = true,
            }
        }
        None
    }

    /// Reads a deployment whose session is not in this process, or attaches to its session.
    async fn look(&mut self) -> Result<Step, StoreError> {
        // Read before the lines: once the record says ended, all lines are there.
        let Some(deployment) = self.service.store().deployment(self.id).await? else {
            return Ok(Step::GiveUp);
        };
        self.telling.is_automatic = deployment.is_automatic();
        if deployment.queue_state == QueueState::Active
            && let Some(session) = self.service.reads().session(self.id)
            && session.status().ended_at.is_none()
        {
            let mut snapshots = session.watch();
            // Send the present status first.
            snapshots.mark_changed();
            self.live = Some(LiveLog {
                logs: session.logs(self.next),
                snapshots,
            });
            return Ok(Step::Again);
        }
        let lines = self.service.store().lines(self.id, self.next, PAGE).await?;
        if !lines.is_empty() {
            self.page = lines.into();
            return Ok(Step::Again);
        }
        if deployment.queue_state == QueueState::Ended {
            return Ok(Step::Ended(Box::new(deployment)));
        }
        if deployment.queue_state == QueueState::Waiting {
            let other = self.service.store().waits_for(self.id).await?;
            if let Some(other) = other.filter(|other| self.waits_for != Some(*other)) {
                self.waits_for = Some(other);
                return Ok(Step::Remark(waiting_line(other)));
            }
        }
        let progress = &deployment.progress;
        if self.telling.note_alone((progress.status, progress.phase)) {
            return Ok(Step::Again);
        }
        tokio::select! {
            _ = self.carried.changed() => Ok(Step::Again),
            () = tokio::time::sleep(LOOK_EVERY) => Ok(Step::Again),
            _ = self.stopping.wait_for(|is_stopping| *is_stopping) => Ok(Step::GiveUp),
        }
    }

    fn log(&mut self, line: &StoredLine) -> SseEvent {
        self.next = line.line + 1;
        SseEvent {
            kind: "log",
            id: Some(line.line.to_string()),
            data: line.text.clone(),
        }
    }
}

impl LiveLog {
    async fn step(&mut self, stopping: &mut watch::Receiver<bool>) -> Step {
        tokio::select! {
            line = self.logs.next_line() => match line {
                Some(line) => Step::Line(line.into()),
                None => Step::SessionOver,
            },
            Ok(()) = self.snapshots.changed() => {
                let now = self.snapshots.borrow_and_update();
                Step::Stands(Box::new(now.clone()))
            }
            _ = stopping.wait_for(|is_stopping| *is_stopping) => Step::GiveUp,
        }
    }
}

enum Step {
    Line(StoredLine),
    /// A line that is not part of the log and has no number.
    Remark(String),
    Stands(Box<Snapshot>),
    /// The session sends no more; the record will show shortly how it ended.
    SessionOver,
    Again,
    Ended(Box<Deployment>),
    GiveUp,
}

fn remark(text: String) -> SseEvent {
    SseEvent {
        kind: "log",
        id: None,
        data: text,
    }
}

fn status_event(status: Status, phase: Phase) -> SseEvent {
    let data = json!({"status": status, "phase": phase});
    SseEvent {
        kind: "status",
        id: None,
        data: data.to_string(),
    }
}

fn ended(deployment: &Deployment) -> SseEvent {
    let data = json!({
        "status": deployment.progress.status,
        "reason": deployment.reason,
        "error": deployment.progress.error,
        "warnings": deployment.progress.warnings,
    });
    SseEvent {
        kind: "end",
        id: Some(END_ID.to_owned()),
        data: data.to_string(),
    }
}
