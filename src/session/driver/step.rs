//! What is to be done next.

use chrono::{DateTime, Utc};

use crate::session::facts::Facts;
use crate::session::state::{Stage, State};

/// How often a run that may be repeated is begun: once, and twice more if it was cut off.
const MAX_ATTEMPTS: u32 = 3;

/// One thing that a driver does; each ends in one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Set up what the commands need.
    Prepare,
    /// Fetch the source.
    CheckOut,
    /// Record that a run begins.
    Begin { run: String },
    /// Carry a run to its end.
    Run(RunStep),
    /// Wait for somebody to decide.
    AwaitDecision { deadline: DateTime<Utc> },
    /// Approve in the request's name.
    ApproveByRequest,
    /// Hold what is there against what was approved; then record that the apply begins.
    Check { run: String },
    /// Read the outputs.
    ReadOutputs,
    /// Nothing is at work: the stop that was asked for is done.
    Halt,
    /// What was approved was not begun before its deadline.
    TooLate,
    /// It takes secrets to go on, and they are gone.
    GiveUp,
}

/// A run, and how it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunStep {
    pub(super) command: RunCommand,
    /// Its name.
    pub(super) run: String,
    /// The name of the run that takes its place if it has to be begun once more.
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

/// How a run is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It is begun.
    Start,
    /// It was begun by a process that is gone, or was about to be.
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

/// What else than the facts decides about the next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) auto_approve: bool,
    /// Whether the secrets of the request are at hand.
    pub(super) has_secrets: bool,
    /// The run that a former process began.
    pub(super) left_behind: Option<&'a str>,
    pub(super) now: DateTime<Utc>,
}

/// What is to be done next; none when the session is over.
pub(super) fn next_step(facts: &Facts, means: Means<'_>) -> Option<Step> {
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
        // What is at work is carried to its end, and only that can tell how it ended. What comes after
        // it may need secrets: the driver asks again.
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

fn run_step(facts: &Facts, means: Means<'_>, command: RunCommand, run: &str) -> RunStep {
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
