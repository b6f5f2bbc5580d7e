//! The facts about a session, folded from its events.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::protocol::Tool;
use crate::session::approval::binding::Binding;
use crate::session::machine::event::{Decision, Event};
use crate::session::machine::state::{Charter, Stage, State, Stop};
use crate::session::machine::transition::transition;
use crate::session::snapshot::{DecisionMade, PhaseTimes, Snapshot, Verdict};
use crate::session::storage::journal::{JournalContents, JournalEntry, JournalHeader};
use crate::session::{IllegalTransition, Operation};

/// Who requested a stop that did not come through the session.
pub(crate) const ELSEWHERE: &str = "another process";

/// The facts about a session.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    charter: Charter,
    pub(crate) state: State,
    pub(crate) snapshot: Snapshot,
    pub(crate) checkout: Option<CheckoutFacts>,
    /// The run that was begun and whose end is not yet recorded.
    pub(crate) run: Option<String>,
    /// Boot id at that time.
    pub(crate) run_boot: Option<String>,
    /// Number of runs begun.
    runs: u32,
    /// Number of runs begun for the current stage.
    pub(crate) attempts: u32,
    pub(crate) binding: Option<Binding>,
    /// Deadline to approve the plan and to begin the approved apply.
    pub(crate) deadline: Option<DateTime<Utc>>,
}

/// Where the source is.
#[derive(Clone, Debug)]
pub(crate) struct CheckoutFacts {
    pub(crate) root: PathBuf,
    pub(crate) work_dir: PathBuf,
    /// Digest of the source at the time of the fetch.
    pub(crate) digest: Option<String>,
}

impl Projection {
    /// Returns the facts about a new session.
    pub(crate) fn new(opening: &JournalHeader, tool: Tool, operation: Operation) -> Self {
        let state = State::START;
        let phase = state.phase();
        Self {
            charter: Charter { operation },
            snapshot: Snapshot {
                id: opening.id,
                tool,
                operation,
                status: state.status(),
                phase,
                reason: None,
                error: String::new(),
                warnings: Vec::new(),
                diagnosis: None,
                state: None,
                sandbox: None,
                started_at: opening.at,
                ended_at: None,
                commit: None,
                plan_digest: None,
                approval_deadline: None,
                decision: None,
                stop_requested_by: None,
                phases: vec![PhaseTimes {
                    phase,
                    started_at: opening.at,
                    ended_at: None,
                }],
            },
            state,
            checkout: None,
            run: None,
            run_boot: None,
            runs: 0,
            attempts: 0,
            binding: None,
            deadline: None,
        }
    }

    /// Returns the facts about a session that is recovered.
    ///
    /// # Errors
    /// The number of the line with an impossible event, from 1, and the reason.
    pub(crate) fn of_record(
        record: &JournalContents,
        tool: Tool,
        operation: Operation,
    ) -> Result<Self, (usize, IllegalTransition)> {
        let mut facts = Self::new(&record.opening, tool, operation);
        for (at, entry) in record.entries.iter().enumerate() {
            let next = facts
                .after(&entry.event)
                .and_then(|next| facts.fits(&entry.event).map(|()| next))
                .map_err(|fault| (at + 2, fault))?;
            facts.take(entry, next);
        }
        Ok(facts)
    }

    /// Returns the state of the session after this event.
    pub(crate) fn after(&self, event: &Event) -> Result<State, IllegalTransition> {
        transition(self.charter, &self.state, event)
    }

    /// Checks that a run belongs to its stage: an apply must not be followed as a plan.
    fn fits(&self, event: &Event) -> Result<(), IllegalTransition> {
        let Event::RunStarted { run, .. } = event else {
            return Ok(());
        };
        let command = match &self.state {
            State::Active { stage, .. } => match stage {
                Stage::Init => "init",
                Stage::Validate => "validate",
                Stage::Plan => "plan",
                Stage::Check => "apply",
                Stage::Initializing | Stage::Cloning | Stage::Apply | Stage::Outputs(_) => "",
            },
            State::AwaitingApproval { .. } | State::Finished(_) => "",
        };
        if run.rsplit('-').next() == Some(command) {
            return Ok(());
        }
        Err(IllegalTransition::OutOfPlace {
            event: event.word(),
            phase: self.state.phase(),
        })
    }

    /// Applies an event that leads to this state.
    pub(crate) fn take(&mut self, entry: &JournalEntry, next: State) {
        self.note(entry);
        let was_at = self.state.phase();
        let stays = match (&self.state, &next) {
            (State::Active { stage, .. }, State::Active { stage: then, .. }) => stage == then,
            (_, _) => false,
        };
        if !stays {
            // The approval leads to the check; the run that begins the apply belongs to the apply.
            let begins_apply = matches!(entry.event, Event::RunStarted { .. });
            if !begins_apply {
                self.run = None;
                self.attempts = 0;
            }
        }
        self.state = next;
        let snapshot = &mut self.snapshot;
        snapshot.status = self.state.status();
        snapshot.phase = self.state.phase();
        snapshot.reason = self.state.reason();
        snapshot.approval_deadline = match &self.state {
            State::AwaitingApproval { deadline, .. } => Some(*deadline),
            State::Active { .. } | State::Finished(_) => None,
        };
        if was_at != snapshot.phase {
            enter(&mut snapshot.phases, &self.state, entry.at);
        }
        if self.state.reason().is_some() {
            snapshot.ended_at = Some(entry.at);
        }
    }

    fn note(&mut self, entry: &JournalEntry) {
        let snapshot = &mut self.snapshot;
        match &entry.event {
            Event::CheckedOut {
                commit,
                root,
                work_dir,
                digest,
            } => {
                snapshot.commit.clone_from(commit);
                self.checkout = Some(CheckoutFacts {
                    root: root.clone(),
                    work_dir: work_dir.clone(),
                    digest: digest.clone(),
                });
            }
            Event::RunStarted { run, boot } => {
                self.run = Some(run.clone());
                self.run_boot.clone_from(boot);
                self.runs += 1;
                self.attempts += 1;
            }
            Event::Planned(planned) => {
                snapshot.plan_digest = Some(planned.digest.clone());
                snapshot.warnings.clone_from(&planned.warnings);
                self.binding = Some(planned.binding.clone());
                self.deadline = Some(planned.deadline);
            }
            Event::Approved(decision) => {
                snapshot.decision = Some(made(Verdict::Approved, decision, entry.at));
            }
            Event::Rejected(decision) => {
                snapshot.decision = Some(made(Verdict::Rejected, decision, entry.at));
            }
            Event::Expired => {
                "the plan was not approved in time; nothing was applied"
                    .clone_into(&mut snapshot.error);
            }
            Event::Applied { state } => snapshot.state.clone_from(state),
            Event::StopRequested { by, .. } => snapshot.stop_requested_by = Some(by.clone()),
            Event::Stopped { error, state, .. } => {
                snapshot.error.clone_from(error);
                snapshot.state.clone_from(state);
            }
            Event::Failed(failure) => {
                snapshot.error.clone_from(&failure.error);
                snapshot.diagnosis.clone_from(&failure.diagnosis);
                snapshot.state.clone_from(&failure.state);
            }
            Event::Initialised { sandbox } => snapshot.sandbox.clone_from(sandbox),
            Event::OutputsRead { warnings } => snapshot.warnings.extend_from_slice(warnings),
            Event::Prepared | Event::Validated => {}
        }
    }

    /// Returns how hard the session has to stop, if a stop was requested.
    pub(crate) const fn stop(&self) -> Option<Stop> {
        match &self.state {
            State::Active { stop, .. } => *stop,
            State::AwaitingApproval { .. } | State::Finished(_) => None,
        }
    }

    /// Returns a name for the next run.
    pub(crate) fn next_run(&self, command: &str) -> String {
        format!("{:02}-{command}", self.runs + 1)
    }
}

/// Closes the phase that ended and opens the phase that begins.
fn enter(phases: &mut Vec<PhaseTimes>, state: &State, at: DateTime<Utc>) {
    if let Some(last) = phases.last_mut() {
        last.ended_at = Some(at);
    }
    phases.push(PhaseTimes {
        phase: state.phase(),
        started_at: at,
        ended_at: state.reason().map(|_| at),
    });
}

fn made(verdict: Verdict, decision: &Decision, at: DateTime<Utc>) -> DecisionMade {
    DecisionMade {
        verdict,
        by: decision.by.clone(),
        comment: decision.comment.clone(),
        at,
    }
}
