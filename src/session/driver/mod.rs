//! The task that carries a session: asks what comes next, does it, records what happened.
//!
//! | file | holds |
//! |---|---|
//! | `step` | what comes next, as a function of what is known |
//! | `obeying` | what handles ask for, done or refused |
//! | `job`, `said` | what every step needs; what the log says of an event |
//! | `prepare` | the directory, the registry, the source |
//! | `stages` | init, validate, plan, apply |
//! | `showing`, `printed` | the plan and the outputs, as the tool shows them |
//! | `backend_record` | what the tool notes of the backend |
//! | `following`, `asking` | one run, to its end; a stop that has to reach it |
//! | `confinement` | what a confined tool must find |
//! | `workspace` | the workspace that is chosen, and stays the one |
//! | `repository_access` | what opens the repository to `init` as well |
//! | `checking`, `beside` | what an approval is bound to; of it, what lies outside of the source |

mod asking;
mod backend_record;
mod beside;
mod checking;
mod confinement;
mod following;
mod job;
mod obeying;
mod prepare;
mod printed;
mod repository_access;
mod said;
mod showing;
mod stages;
mod step;
mod workspace;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::sync::{OnceCell, mpsc, watch};

use super::event::{Decision, Event, FailureKind};
use super::facts::{ELSEWHERE, Facts};
use super::journal::{Entry, Journal};
use super::log::Log;
use super::order::Order;
use super::place::{Claim, Place};
use super::published::{Published, Publisher};
use super::state::{State, Stop};
use super::tool_file::ToolFile;
use super::{DeployRequest, IllegalTransition, SessionError, Settings};
use job::{Job, failed, halted, without_secrets};
use step::{Means, Step, next_step};

/// Longest time after which a deadline is held against the clock again, which may have been set.
const CLOCK_IS_TRUSTED_FOR: Duration = Duration::from_secs(30);
/// How long the disk is left alone after it did not take the end of a session.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// In whose name a request approves its own plan.
const BY_REQUEST: &str = "auto_approve";

/// Everything that carries one session.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) settings: Arc<Settings>,
    pub(super) place: Place,
    /// Held until the session is over.
    pub(super) claim: Claim,
    pub(super) journal: Journal,
    pub(super) facts: Facts,
    pub(super) salt: String,
    pub(super) request: Arc<DeployRequest>,
    /// The record of the request and the names of its secrets, as long as they are missing.
    pub(super) missing: Option<Missing>,
    /// Whether this process has fetched the source.
    pub(super) has_fetched: bool,
    /// The run that a former process began.
    pub(super) left_behind: Option<String>,
    pub(super) log: Log,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) publisher: Publisher,
    pub(super) published: Arc<Published>,
    pub(super) stop: watch::Sender<Option<Stop>>,
    pub(super) environment: Arc<OnceCell<BTreeMap<String, SecretString>>>,
    pub(super) planned_by: Arc<OnceLock<ToolFile>>,
}

/// What is missing of a request that was read from its record.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) record: serde_json::Value,
    pub(super) names: Vec<String>,
}

impl Driver {
    /// Carries the session to its end.
    pub(super) async fn drive(mut self) {
        while let Some(step) = self.next_step() {
            let Some(event) = self.perform(step).await else {
                continue;
            };
            self.has_fetched |= matches!(event, Event::CheckedOut { .. });
            self.record(event);
        }
        let is_written = self.journal.settle().is_ok();
        let mut claim = Some(self.claim);
        if is_written {
            // Whoever sees the end of the session may take it up, or remove it.
            claim = None;
        }
        self.publisher.end(&self.facts);
        // Whoever asks for something from here on hears that the session is over.
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => order.refuse(&self.facts),
                    None if claim.is_none() => return,
                    None => tokio::time::sleep(SETTLE_AGAIN).await,
                },
                () = tokio::time::sleep(SETTLE_AGAIN), if claim.is_some() => {}
            }
            // As long as the end is not on disk, nobody else may take the session up.
            if claim.is_some() && self.journal.settle().is_ok() {
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

    /// Does one step, and obeys orders meanwhile; none when an order has brought the session elsewhere.
    async fn perform(&mut self, step: Step) -> Option<Event> {
        let job = self.job();
        let lacked_secrets = !job.has_secrets;
        let is_check = matches!(step, Step::Check { .. });
        let mut work = std::pin::pin!(work(job, step));
        let was_waiting = matches!(self.facts.state, State::AwaitingApproval { .. });
        loop {
            tokio::select! {
                event = &mut work => {
                    let is_for_lack = matches!(&event, Event::Failed(failure)
                        if failure.kind == FailureKind::Interrupted);
                    // They were given back meanwhile: the step is done again, with them.
                    let may_try_again = lacked_secrets && self.missing.is_none() && is_for_lack;
                    return (!may_try_again).then_some(event);
                }
                Some(order) = self.orders.recv() => {
                    self.obey(order);
                    let is_waiting = matches!(self.facts.state, State::AwaitingApproval { .. });
                    if was_waiting && (!is_waiting || self.request.auto_approve) {
                        return None;
                    }
                    // A large source takes a while to look at, and nothing has begun.
                    if is_check && self.stop.borrow().is_some() {
                        return Some(halted());
                    }
                }
            }
        }
    }

    fn job(&self) -> Job {
        Job {
            settings: Arc::clone(&self.settings),
            place: self.place.clone(),
            request: Arc::clone(&self.request),
            has_secrets: self.missing.is_none(),
            has_fetched: self.has_fetched,
            environment: Arc::clone(&self.environment),
            planned_by: Arc::clone(&self.planned_by),
            checkout: self.facts.checkout.clone(),
            commit: self.facts.snapshot.commit.clone(),
            binding: self.facts.binding.clone(),
            run_boot: self.facts.run_boot.clone(),
            salt: self.salt.clone(),
            log: self.log.clone(),
            phase: self.facts.state.phase(),
            stop: self.stop.subscribe(),
            published: Arc::clone(&self.published),
        }
    }

    /// Records what a step ended in; the session goes on from there.
    fn record(&mut self, event: Event) {
        let event = match self.facts.after(&event) {
            // A stop was asked for while a run was made ready: it does not begin any more.
            Err(IllegalTransition::Stopping) => halted(),
            Ok(_) | Err(_) => event,
        };
        if matches!(event, Event::Stopped { .. }) && self.stop.borrow().is_none() {
            // Somebody signalled the runner, or called `iac-runner cancel`.
            let asked = Event::StopRequested {
                stop: Stop::Cancel,
                by: ELSEWHERE.to_owned(),
            };
            self.take(asked);
        }
        self.take(event);
    }

    /// Makes an event durable and takes it in. What has happened is taken in even if it cannot be made
    /// durable; what is only announced is not, and ends the session instead.
    fn take(&mut self, event: Event) {
        let is_announcement = matches!(event, Event::RunStarted { .. } | Event::Approved(_));
        let word = event.word();
        match self.happen(event.clone()) {
            Ok(()) => {}
            Err(SessionError::Journal(fault)) if !is_announcement => {
                self.say(&format!(
                    "[`{word}` could not be written to the journal: {fault}]"
                ));
                self.take_in_memory(event);
            }
            Err(fault) => {
                let error = format!("the deployment cannot go on: {}", job::sentence(&fault));
                self.say(&error);
                let event = failed(FailureKind::Internal, error);
                if self.happen(event.clone()).is_err() {
                    self.take_in_memory(event);
                }
            }
        }
    }

    /// Makes an event durable, then takes it in.
    fn happen(&mut self, event: Event) -> Result<(), SessionError> {
        let next = self.facts.after(&event)?;
        let entry = Entry {
            at: Utc::now(),
            event,
        };
        let comes_again = match &entry.event {
            // The end of the session is told.
            _ if next.reason().is_some() => false,
            // Nobody saw the plan: whoever takes the session up makes one and approves it by itself.
            Event::Planned(_) => self.request.auto_approve,
            Event::Approved(decision) => self.request.auto_approve && decision.by == BY_REQUEST,
            // The record of the run says so, and what follows only reads.
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
        let entry = Entry {
            at: Utc::now(),
            event,
        };
        self.journal.owe(&entry);
        self.facts.take(&entry, next);
        self.after_event(&entry.event);
    }

    fn after_event(&mut self, event: &Event) {
        // One that came too late is taken back: what follows can be stopped anew.
        let wanted = self.facts.stop();
        self.stop
            .send_if_modified(|given| std::mem::replace(given, wanted) != wanted);
        if let Some(text) = said::of_event(event, &self.facts.state, self.request.auto_approve) {
            self.say(&text);
        }
        // The end is told when nobody carries the session any more.
        if self.facts.state.reason().is_none() {
            self.publisher.publish(&self.facts);
        }
    }

    fn say(&self, text: &str) {
        self.log.say(self.facts.state.phase(), text);
    }
}

/// Does one step to its end.
async fn work(job: Job, step: Step) -> Event {
    match step {
        Step::Prepare => job.prepare().await,
        Step::CheckOut => job.fetch().await,
        Step::Begin { run } => Event::run_started(run),
        Step::Run(step) => job.stage(&step).await,
        Step::AwaitDecision { deadline } => {
            wait_until(deadline).await;
            Event::Expired
        }
        Step::ApproveByRequest => Event::Approved(Decision {
            by: BY_REQUEST.to_owned(),
            comment: String::new(),
            digest: job.binding.as_ref().map(super::binding::Binding::digest),
        }),
        Step::Check { run } => job.check(run).await,
        Step::ReadOutputs => job.read_outputs().await,
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
    // None when the deadline is over.
    while let Ok(left) = (deadline - Utc::now()).to_std() {
        tokio::time::sleep(left.min(CLOCK_IS_TRUSTED_FOR)).await;
    }
}
