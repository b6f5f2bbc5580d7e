//! The task that drives a session: it decides the next step, runs it, and records what happened.

mod handle_commands;
mod log_messages;
mod next_step;
mod run;
mod step_context;
mod steps;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::sync::{OnceCell, mpsc, watch};

use self::next_step::{Means, Step, next_step};
use self::step_context::{StepContext, failed, halted, without_secrets};
use super::approval::executable_identity::ToolFile;
use super::handle::command::PendingCommand;
use super::handle::publisher::{Published, Publisher};
use super::machine::event::{Decision, Event, FailureKind};
use super::machine::state::{State, Stop};
use super::storage::journal::{Journal, JournalEntry};
use super::storage::log::Log;
use super::storage::projection::{ELSEWHERE, Projection};
use super::storage::session_dir::{SessionDir, SessionLock};
use super::{DeployRequest, IllegalTransition, SessionError, Settings};

/// Re-check deadlines at least this often: the wall clock may jump.
const CLOCK_IS_TRUSTED_FOR: Duration = Duration::from_secs(30);
/// Pause before another attempt to write the end of a session to disk.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// Name of the approver when a request approves its own plan.
const BY_REQUEST: &str = "auto_approve";

/// Everything that drives one session.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) settings: Arc<Settings>,
    pub(super) session_dir: SessionDir,
    /// Held until the session has ended.
    pub(super) claim: SessionLock,
    pub(super) journal: Journal,
    pub(super) facts: Projection,
    pub(super) salt: String,
    pub(super) request: Arc<DeployRequest>,
    /// The record of the request and the names of its secrets, while they are missing.
    pub(super) missing: Option<Missing>,
    /// Whether this process has fetched the source.
    pub(super) has_fetched: bool,
    /// The run that a former process began.
    pub(super) left_behind: Option<String>,
    pub(super) log: Log,
    pub(super) commands: mpsc::Receiver<PendingCommand>,
    pub(super) publisher: Publisher,
    pub(super) published: Arc<Published>,
    pub(super) stop: watch::Sender<Option<Stop>>,
    pub(super) environment: Arc<OnceCell<BTreeMap<String, SecretString>>>,
    pub(super) planned_by: Arc<OnceLock<ToolFile>>,
}

/// The missing parts of a request that was read from its record.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) record: serde_json::Value,
    pub(super) names: Vec<String>,
}

impl Driver {
    /// Drives the session to its end.
    pub(super) async fn drive(mut self) {
        while let Some(step) = self.next_step() {
            let Some(event) = self.perform(step).await else {
                continue;
            };
            self.has_fetched |= matches!(event, Event::CheckedOut { .. });
            self.record(event);
        }
        let is_written = self.journal.write_pending().is_ok();
        let mut claim = Some(self.claim);
        if is_written {
            // A caller that sees the end of the session may recover or remove it.
            claim = None;
        }
        self.publisher.end(&self.facts);
        // From here on, every order gets the answer that the session has ended.
        loop {
            tokio::select! {
                pending = self.commands.recv() => match pending {
                    Some(pending) => pending.refuse(&self.facts),
                    None if claim.is_none() => return,
                    None => tokio::time::sleep(SETTLE_AGAIN).await,
                },
                () = tokio::time::sleep(SETTLE_AGAIN), if claim.is_some() => {}
            }
            // Until the end is on disk, no other process may recover the session.
            if claim.is_some() && self.journal.write_pending().is_ok() {
                claim = None;
            }
        }
    }

    fn next_step(&self) -> Option<Step> {
        let means = Means {
            auto_approve: self.request.auto_approve,
            has_secrets: self.missing.is_none(),
            left_behind: self.left_behind.as_deref(),
            now: Utc::now(),
        };
        next_step(&self.facts, means)
    }

    /// Runs one step and obeys orders meanwhile; returns `None` if an order has changed the session's state.
    async fn perform(&mut self, step: Step) -> Option<Event> {
        let context = self.context();
        let lacked_secrets = !context.has_secrets;
        let is_check = matches!(step, Step::Check { .. });
        let mut work = std::pin::pin!(work(context, step));
        let was_waiting = matches!(self.facts.state, State::AwaitingApproval { .. });
        loop {
            tokio::select! {
                event = &mut work => {
                    let is_for_lack = matches!(&event, Event::Failed(failure)
                        if failure.kind == FailureKind::Interrupted);
                    // The secrets were supplied meanwhile: run the step again, with them.
                    let may_try_again = lacked_secrets && self.missing.is_none() && is_for_lack;
                    return (!may_try_again).then_some(event);
                }
                Some(pending) = self.commands.recv() => {
                    self.handle(pending);
                    let is_waiting = matches!(self.facts.state, State::AwaitingApproval { .. });
                    if was_waiting && (!is_waiting || self.request.auto_approve) {
                        return None;
                    }
                    // Reading a large source takes a while, and nothing has begun.
                    if is_check && self.stop.borrow().is_some() {
                        return Some(halted());
                    }
                }
            }
        }
    }

    fn context(&self) -> StepContext {
        StepContext {
            settings: Arc::clone(&self.settings),
            session_dir: self.session_dir.clone(),
            request: Arc::clone(&self.request),
            has_secrets: self.missing.is_none(),
            has_fetched: self.has_fetched,
            environment: Arc::clone(&self.environment),
            planned_by: Arc::clone(&self.planned_by),
            checkout: self.facts.checkout.clone(),
            commit: self.facts.snapshot.commit.clone(),
            binding: self.facts.binding.clone(),
            confined_by: self.facts.snapshot.sandbox.clone(),
            run_boot: self.facts.run_boot.clone(),
            salt: self.salt.clone(),
            log: self.log.clone(),
            phase: self.facts.state.phase(),
            stop: self.stop.subscribe(),
            published: Arc::clone(&self.published),
        }
    }

    /// Records the event that ended a step; the session continues from there.
    fn record(&mut self, event: Event) {
        let event = match self.facts.after(&event) {
            // A stop was requested while a run was being prepared: the run does not begin.
            Err(IllegalTransition::Stopping) => halted(),
            Ok(_) | Err(_) => event,
        };
        if matches!(event, Event::Stopped { .. }) && self.stop.borrow().is_none() {
            // The runner was signalled, or `iac-runner cancel` was called.
            let asked = Event::StopRequested {
                stop: Stop::Cancel,
                by: ELSEWHERE.to_owned(),
            };
            self.take(asked);
        }
        self.take(event);
    }

    /// Makes an event durable and applies it. An event that has happened is applied even if it cannot be made
    /// durable; an announcement is not, and ends the session instead.
    fn take(&mut self, event: Event) {
        let is_announcement = matches!(event, Event::RunStarted { .. } | Event::Approved(_));
        let word = event.word();
        match self.happen(event.clone()) {
            Ok(()) => {}
            Err(SessionError::Journal(fault)) if !is_announcement => {
                self.log_message(&format!(
                    "[`{word}` could not be written to the journal: {fault}]"
                ));
                self.take_in_memory(event);
            }
            Err(fault) => {
                let error = format!(
                    "the deployment cannot go on: {}",
                    step_context::sentence(&fault)
                );
                self.log_message(&error);
                let event = failed(FailureKind::Internal, error);
                if self.happen(event.clone()).is_err() {
                    self.take_in_memory(event);
                }
            }
        }
    }

    /// Makes an event durable, then applies it.
    fn happen(&mut self, event: Event) -> Result<(), SessionError> {
        let next = self.facts.after(&event)?;
        let entry = JournalEntry {
            at: Utc::now(),
            event,
        };
        let comes_again = match &entry.event {
            // The end of the session is published.
            _ if next.reason().is_some() => false,
            // No person saw the plan: a process that recovers the session makes a new plan and approves it by itself.
            Event::Planned(_) => self.request.auto_approve,
            Event::Approved(decision) => self.request.auto_approve && decision.by == BY_REQUEST,
            // The record of the run says so, and later steps only read.
            Event::Applied { .. } => true,
            _ => false,
        };
        let written = if comes_again {
            self.journal.append_unsynced(&entry)
        } else {
            self.journal.append(&entry)
        };
        written.map_err(SessionError::Journal)?;
        self.facts.take(&entry, next);
        self.after_event(&entry.event);
        Ok(())
    }

    fn take_in_memory(&mut self, event: Event) {
        let next = match self.facts.after(&event) {
            Ok(next) => next,
            Err(_) => State::Finished(super::Reason::Internal),
        };
        let entry = JournalEntry {
            at: Utc::now(),
            event,
        };
        self.journal.append_later(&entry);
        self.facts.take(&entry, next);
        self.after_event(&entry.event);
    }

    fn after_event(&mut self, event: &Event) {
        // A stop that came too late is cleared: later steps can be stopped again.
        let wanted = self.facts.stop();
        self.stop
            .send_if_modified(|given| std::mem::replace(given, wanted) != wanted);
        if let Some(text) =
            log_messages::of_event(event, &self.facts.state, self.request.auto_approve)
        {
            self.log_message(&text);
        }
        // The end is published once the claim on the session is released.
        if self.facts.state.reason().is_none() {
            self.publisher.publish(&self.facts);
        }
    }

    fn log_message(&self, text: &str) {
        self.log.append_message(self.facts.state.phase(), text);
    }
}

/// Runs one step to its end.
async fn work(context: StepContext, step: Step) -> Event {
    match step {
        Step::Prepare => context.prepare().await,
        Step::CheckOut => context.fetch().await,
        Step::Begin { run } => Event::run_started(run),
        Step::Run(step) => context.stage(&step).await,
        Step::AwaitDecision { deadline } => {
            wait_until(deadline).await;
            Event::Expired
        }
        Step::ApproveByRequest => Event::Approved(Decision {
            by: BY_REQUEST.to_owned(),
            comment: String::new(),
            digest: context
                .binding
                .as_ref()
                .map(super::approval::binding::Binding::digest),
        }),
        Step::Check { run } => context.check(run).await,
        Step::ReadOutputs => context.read_outputs().await,
        Step::Halt => halted(),
        Step::TooLate => failed(
            FailureKind::Void,
            "what was approved was not begun before the approval's deadline; nothing was applied: start a new \
             deployment",
        ),
        Step::GiveUp => without_secrets(),
    }
}

async fn wait_until(deadline: DateTime<Utc>) {
    // `to_std` fails once the deadline has passed.
    while let Ok(left) = (deadline - Utc::now()).to_std() {
        tokio::time::sleep(left.min(CLOCK_IS_TRUSTED_FOR)).await;
    }
}
