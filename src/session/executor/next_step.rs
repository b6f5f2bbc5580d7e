//! Decides the next step.

use chrono::{DateTime, Utc};

use crate::session::machine::state::{Stage, State};
use crate::session::storage::projection::Projection;

/// How often a repeatable run is started: once, and twice more if it was interrupted.
const MAX_ATTEMPTS: u32 = 3;

/// One step of the driver; each ends in one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Set up the files that the commands need.
    Prepare,
    /// Fetch the source.
    CheckOut,
    /// Record that a run begins.
    Begin { run: String },
    /// Carry out a run.
    Run(RunStep),
    /// Wait for a decision.
    AwaitDecision { deadline: DateTime<Utc> },
    /// Approve in the request's name.
    ApproveByRequest,
    /// Compare the current state with what was approved; then record that the apply begins.
    Check { run: String },
    /// Read the outputs.
    ReadOutputs,
    /// Nothing runs: carry out the stop that was requested.
    Halt,
    /// The approved plan was not begun before its deadline.
    TooLate,
    /// The next step needs secrets, and they are missing.
    GiveUp,
}

/// A run, and how to enter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunStep {
    pub(super) command: RunCommand,
    /// Its name.
    pub(super) run: String,
    /// Name of the run that replaces it if it has to be started again.
    pub(super) next: Option<String>,
    pub(super) manner: Manner,
}

/// The commands that have a run directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunCommand {
    Init,
    Validate,
    Plan,
    Apply,
}

/// How to enter a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Start it.
    Start,
    /// Attach to it: a former process began it or was about to.
    TakeUp,
}

impl RunCommand {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Validate => "validate",
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// Inputs besides the facts that decide the next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) auto_approve: bool,
    /// Whether the secrets of the request are available.
    pub(super) has_secrets: bool,
    /// The run that a former process began.
    pub(super) left_behind: Option<&'a str>,
    pub(super) now: DateTime<Utc>,
}

/// Returns the next step; `None` if the session has ended.
pub(super) fn next_step(facts: &Projection, means: Means<'_>) -> Option<Step> {
    let (stage, stop) = match &facts.state {
        State::Finished(_) => return None,
        State::AwaitingApproval { deadline, .. } => {
            let is_due = *deadline <= means.now;
            return Some(if means.auto_approve && means.has_secrets && !is_due {
                Step::ApproveByRequest
            } else {
                Step::AwaitDecision {
                    deadline: *deadline,
                }
            });
        }
        State::Active { stage, stop } => (*stage, *stop),
    };
    let command = match stage {
        Stage::Init => Some(RunCommand::Init),
        Stage::Validate => Some(RunCommand::Validate),
        Stage::Plan => Some(RunCommand::Plan),
        Stage::Apply => Some(RunCommand::Apply),
        Stage::Initializing | Stage::Cloning | Stage::Check | Stage::Outputs(_) => None,
    };
    if let (Some(command), Some(run)) = (command, &facts.run) {
        // A run in progress is followed to its end, and only its end shows the outcome. Later steps may need
        // secrets: the driver decides again.
        return Some(Step::Run(run_step(facts, means, command, run)));
    }
    if stop.is_some() {
        return Some(Step::Halt);
    }
    if !means.has_secrets && !matches!(stage, Stage::Outputs(_)) {
        return Some(Step::GiveUp);
    }
    let is_late = facts.deadline.is_some_and(|deadline| deadline <= means.now);
    if is_late && matches!(stage, Stage::Check) {
        return Some(Step::TooLate);
    }
    Some(match (stage, command) {
        (_, Some(command)) => Step::Begin {
            run: facts.next_run(command.word()),
        },
        (Stage::Initializing, None) => Step::Prepare,
        (Stage::Cloning, None) => Step::CheckOut,
        (Stage::Check, None) => Step::Check {
            run: facts.next_run(RunCommand::Apply.word()),
        },
        (Stage::Outputs(_), None) => Step::ReadOutputs,
        // These have a command.
        (Stage::Init | Stage::Validate | Stage::Plan | Stage::Apply, None) => return None,
    })
}

fn run_step(facts: &Projection, means: Means<'_>, command: RunCommand, run: &str) -> RunStep {
    let may_repeat = match command {
        RunCommand::Init | RunCommand::Validate | RunCommand::Plan => {
            facts.attempts < MAX_ATTEMPTS && means.has_secrets
        }
        RunCommand::Apply => false,
    };
    RunStep {
        command,
        run: run.to_owned(),
        next: may_repeat.then(|| facts.next_run(command.word())),
        manner: if means.left_behind == Some(run) {
            Manner::TakeUp
        } else {
            Manner::Start
        },
    }
}
