//! Tests every state with every event, from one table, and what no sequence of events can do.

use chrono::Utc;
use proptest::prelude::*;

use super::event::{Changes, Decision, Event, Failure, FailureKind, Planned, StopEnd};
use super::state::{After, Charter, Stage, State, Stop};
use super::transition::transition;
use crate::session::approval::binding::Binding;
use crate::session::{IllegalTransition, Operation, PlanDigest, Reason};

/// For a deployment: each event in each state, and the next state.
///
/// `!` marks a refusal: `!place` out of place, `!plan` no plan yet, `!decided` already decided, `!nothing` nothing
/// to decide, `!other` another plan, `!stopping` being stopped, `!idle` not being stopped, `!over` ended.
const TABLE: &str = "
initializing
  prepared                                                    > cloning
  cancel                                                      > initializing+cancel
  force                                                       > initializing+force
  fault                                                       > =preparation_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !plan
  stopped stopped_killed                                      > !idle
  checked_out run_started initialised validated planned planned_none expired applied outputs_read > !place
  void lost                                                   > !place
initializing+cancel
  prepared                                                    > =cancelled
  cancel                                                      > initializing+cancel
  force                                                       > initializing+force
  fault                                                       > =preparation_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !plan
  checked_out run_started initialised validated planned planned_none expired applied outputs_read > !place
  void lost                                                   > !place
cloning
  checked_out                                                 > init
  cancel                                                      > cloning+cancel
  force                                                       > cloning+force
  fault                                                       > =checkout_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !plan
  stopped stopped_killed                                      > !idle
  prepared run_started initialised validated planned planned_none expired applied outputs_read > !place
  void lost                                                   > !place
cloning+cancel
  checked_out                                                 > =cancelled
  cancel                                                      > cloning+cancel
  force                                                       > cloning+force
  fault                                                       > =checkout_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !plan
  prepared run_started initialised validated planned planned_none expired applied outputs_read > !place
  void lost                                                   > !place
init
  run_started                                                 > init
  initialised                                                 > plan
  cancel                                                      > init+cancel
  force                                                       > init+force
  fault                                                       > =init_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !plan
  stopped stopped_killed                                      > !idle
  prepared checked_out validated planned planned_none expired applied outputs_read void > !place
init+cancel
  run_started                                                 > !stopping
  initialised                                                 > =cancelled
  cancel                                                      > init+cancel
  force                                                       > init+force
  fault                                                       > =init_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !plan
  prepared checked_out validated planned planned_none expired applied outputs_read void > !place
validate
  run_started                                                 > validate
  validated                                                   > =validated
  cancel                                                      > validate+cancel
  force                                                       > validate+force
  fault                                                       > =validate_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !plan
  stopped stopped_killed                                      > !idle
  prepared checked_out initialised planned planned_none expired applied outputs_read void > !place
validate+cancel
  run_started                                                 > !stopping
  validated                                                   > =cancelled
  cancel                                                      > validate+cancel
  force                                                       > validate+force
  fault                                                       > =validate_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !plan
  prepared checked_out initialised planned planned_none expired applied outputs_read void > !place
plan
  run_started                                                 > plan
  planned                                                     > awaiting
  planned_none                                                > outputs_no_changes
  cancel                                                      > plan+cancel
  force                                                       > plan+force
  fault                                                       > =plan_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !plan
  stopped stopped_killed                                      > !idle
  prepared checked_out initialised validated expired applied outputs_read void > !place
plan+cancel
  run_started                                                 > !stopping
  planned planned_none                                        > =cancelled
  cancel                                                      > plan+cancel
  force                                                       > plan+force
  fault                                                       > =plan_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !plan
  prepared checked_out initialised validated expired applied outputs_read void > !place
awaiting
  approved                                                    > check
  approved_other approved_unnamed rejected_other              > !other
  rejected                                                    > =rejected
  expired                                                     > =expired
  cancel force                                                > =cancelled
  internal                                                    > =internal
  prepared checked_out run_started initialised validated planned planned_none applied outputs_read > !place
  stopped stopped_killed fault timed_out void interrupted lost > !place
check
  run_started                                                 > apply
  cancel                                                      > check+cancel
  force                                                       > check+force
  void                                                        > =approval_void
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !decided
  stopped stopped_killed                                      > !idle
  prepared checked_out initialised validated planned planned_none expired applied outputs_read > !place
  fault timed_out lost                                        > !place
check+cancel
  run_started                                                 > !stopping
  cancel                                                      > check+cancel
  force                                                       > check+force
  void                                                        > =approval_void
  interrupted                                                 > =interrupted
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !decided
  prepared checked_out initialised validated planned planned_none expired applied outputs_read > !place
  fault timed_out lost                                        > !place
apply
  applied                                                     > outputs_applied
  cancel                                                      > apply+cancel
  force                                                       > apply+force
  fault                                                       > =apply_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !decided
  stopped stopped_killed                                      > !idle
  prepared checked_out run_started initialised validated planned planned_none expired outputs_read void > !place
apply+cancel
  applied                                                     > outputs_applied
  cancel                                                      > apply+cancel
  force                                                       > apply+force
  fault                                                       > =apply_failed
  timed_out                                                   > =timed_out
  interrupted                                                 > =interrupted
  lost                                                        > =unknown
  internal                                                    > =internal
  stopped                                                     > =cancelled
  stopped_killed                                              > =killed
  approved approved_other approved_unnamed rejected rejected_other > !decided
  prepared checked_out run_started initialised validated planned planned_none expired outputs_read void > !place
outputs_applied
  outputs_read                                                > =applied
  cancel                                                      > outputs_applied+cancel
  force                                                       > outputs_applied+force
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !decided
  stopped stopped_killed                                      > !idle
  prepared checked_out run_started initialised validated planned planned_none expired applied > !place
  fault timed_out void interrupted lost                       > !place
outputs_applied+cancel
  outputs_read stopped stopped_killed                         > =applied
  cancel                                                      > outputs_applied+cancel
  force                                                       > outputs_applied+force
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !decided
  prepared checked_out run_started initialised validated planned planned_none expired applied > !place
  fault timed_out void interrupted lost                       > !place
outputs_no_changes
  outputs_read                                                > =no_changes
  cancel                                                      > outputs_no_changes+cancel
  force                                                       > outputs_no_changes+force
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !nothing
  stopped stopped_killed                                      > !idle
  prepared checked_out run_started initialised validated planned planned_none expired applied > !place
  fault timed_out void interrupted lost                       > !place
outputs_no_changes+cancel
  outputs_read stopped stopped_killed                         > =no_changes
  cancel                                                      > outputs_no_changes+cancel
  force                                                       > outputs_no_changes+force
  internal                                                    > =internal
  approved approved_other approved_unnamed rejected rejected_other > !nothing
  prepared checked_out run_started initialised validated planned planned_none expired applied > !place
  fault timed_out void interrupted lost                       > !place
=applied
  prepared checked_out run_started initialised validated planned planned_none applied outputs_read > !over
  approved approved_other approved_unnamed rejected rejected_other expired cancel force > !over
  stopped stopped_killed fault timed_out void interrupted lost internal > !over
";

/// What depends on the operation: the state after init, after a plan and after an apply.
const OPERATIONS: &str = "
deploy   init  initialised   > plan
deploy   plan  planned       > awaiting
deploy   plan  planned_none  > outputs_no_changes
deploy   apply applied       > outputs_applied
plan     init  initialised   > plan
plan     plan  planned       > =planned
plan     plan  planned_none  > =no_changes
plan     apply applied       > !place
destroy  init  initialised   > plan
destroy  plan  planned       > awaiting
destroy  plan  planned_none  > =no_changes
destroy  apply applied       > =destroyed
drift    init  initialised   > plan
drift    plan  planned       > =drift_found
drift    plan  planned_none  > =no_drift
drift    apply applied       > !place
validate init  initialised   > validate
validate plan  planned       > !place
validate plan  planned_none  > !place
validate apply applied       > !place
";

const EVENTS: [&str; 26] = [
    "prepared",
    "checked_out",
    "run_started",
    "initialised",
    "validated",
    "planned",
    "planned_none",
    "approved",
    "approved_other",
    "approved_unnamed",
    "rejected",
    "rejected_other",
    "expired",
    "applied",
    "outputs_read",
    "cancel",
    "force",
    "stopped",
    "stopped_killed",
    "fault",
    "timed_out",
    "void",
    "interrupted",
    "lost",
    "internal",
    "rejected_unnamed",
];

const STAGES: [(&str, Stage); 9] = [
    ("initializing", Stage::Initializing),
    ("cloning", Stage::Cloning),
    ("init", Stage::Init),
    ("validate", Stage::Validate),
    ("plan", Stage::Plan),
    ("check", Stage::Check),
    ("apply", Stage::Apply),
    ("outputs_applied", Stage::Outputs(After::Applied)),
    ("outputs_no_changes", Stage::Outputs(After::NoChanges)),
];

fn digest(of: char) -> PlanDigest {
    of.to_string().repeat(64).parse().unwrap()
}

fn state(name: &str) -> State {
    if name == "awaiting" {
        return State::AwaitingApproval {
            digest: digest('a'),
            deadline: Utc::now(),
        };
    }
    if let Some(reason) = name.strip_prefix('=') {
        return State::Finished(serde_json::from_str(&format!("\"{reason}\"")).unwrap());
    }
    let (stage, stop) = match name.split_once('+') {
        None => (name, None),
        Some((stage, "cancel")) => (stage, Some(Stop::Cancel)),
        Some((stage, _)) => (stage, Some(Stop::Force)),
    };
    let (_, stage) = STAGES.iter().find(|(name, _)| *name == stage).unwrap();
    State::Active {
        stage: *stage,
        stop,
    }
}

fn event(name: &str) -> Event {
    let decision = |digest| Decision {
        by: "alice".into(),
        comment: String::new(),
        digest,
    };
    let failed = |kind| Event::Failed(Box::new(Failure::new(kind, "it failed")));
    let stopped = |end| Event::Stopped {
        end,
        error: String::new(),
        state: None,
    };
    let asked = |stop| Event::StopRequested {
        stop,
        by: "alice".into(),
    };
    match name {
        "prepared" => Event::Prepared,
        "checked_out" => Event::CheckedOut {
            commit: None,
            root: "/s".into(),
            work_dir: "/s".into(),
            digest: None,
        },
        "run_started" => Event::run_started("01-x".into()),
        "initialised" => Event::Initialised { sandbox: None },
        "validated" => Event::Validated,
        "planned" => planned(Changes::Some),
        "planned_none" => planned(Changes::None),
        "approved" => Event::Approved(decision(Some(digest('a')))),
        "approved_other" => Event::Approved(decision(Some(digest('b')))),
        "approved_unnamed" => Event::Approved(decision(None)),
        "rejected" => Event::Rejected(decision(Some(digest('a')))),
        "rejected_unnamed" => Event::Rejected(decision(None)),
        "rejected_other" => Event::Rejected(decision(Some(digest('b')))),
        "expired" => Event::Expired,
        "applied" => Event::Applied { state: None },
        "outputs_read" => Event::OutputsRead {
            warnings: Vec::new(),
        },
        "cancel" => asked(Stop::Cancel),
        "force" => asked(Stop::Force),
        "stopped" => stopped(StopEnd::Graceful),
        "stopped_killed" => stopped(StopEnd::Killed),
        "fault" => failed(FailureKind::Fault),
        "timed_out" => failed(FailureKind::TimedOut),
        "void" => failed(FailureKind::Void),
        "interrupted" => failed(FailureKind::Interrupted),
        "lost" => failed(FailureKind::Lost),
        "internal" => failed(FailureKind::Internal),
        other => panic!("no event `{other}`"),
    }
}

fn planned(changes: Changes) -> Event {
    Event::Planned(Box::new(Planned {
        changes,
        digest: digest('a'),
        binding: Binding {
            summary: None,
            plan_file: None,
            lock_file: None,
            commit: None,
            configuration: String::new(),
            tool: None,
            tool_version: Some(String::new()),
            variables: String::new(),
        },
        deadline: Utc::now(),
        warnings: Vec::new(),
    }))
}

/// Returns the name of an outcome in the tables.
fn shown(outcome: &Result<State, IllegalTransition>) -> String {
    let state = match outcome {
        Ok(state) => state,
        Err(refusal) => {
            return match refusal {
                IllegalTransition::NoPlanYet => "!plan",
                IllegalTransition::AlreadyDecided => "!decided",
                IllegalTransition::NothingToDecide => "!nothing",
                IllegalTransition::OtherDigest { .. } => "!other",
                IllegalTransition::Finished { .. } => "!over",
                IllegalTransition::Stopping => "!stopping",
                IllegalTransition::NotStopping => "!idle",
                IllegalTransition::OutOfPlace { .. } => "!place",
            }
            .to_owned();
        }
    };
    match state {
        State::AwaitingApproval { .. } => "awaiting".to_owned(),
        State::Finished(reason) => {
            let word = serde_json::to_string(reason).unwrap();
            format!("={}", word.trim_matches('"'))
        }
        State::Active { stage, stop } => {
            let (name, _) = STAGES.iter().find(|(_, it)| it == stage).unwrap();
            match stop {
                None => (*name).to_owned(),
                Some(Stop::Cancel) => format!("{name}+cancel"),
                Some(Stop::Force) => format!("{name}+force"),
            }
        }
    }
}

const fn charter(operation: Operation) -> Charter {
    Charter { operation }
}

/// Returns the rows of [`TABLE`]: state, event, outcome.
fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut rows = Vec::new();
    let mut state = "";
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        match line.split_once('>') {
            None => state = line,
            Some((events, outcome)) => rows.extend(
                events
                    .split_whitespace()
                    .map(|event| (state, event, outcome.trim())),
            ),
        }
    }
    // A rejection need not name a plan; it then applies to the waiting plan.
    let unnamed: Vec<_> = rows
        .iter()
        .filter(|(_, event, _)| *event == "rejected")
        .map(|(state, _, outcome)| (*state, "rejected_unnamed", *outcome))
        .collect();
    rows.extend(unnamed);
    rows
}

#[test]
fn every_state_and_every_event_come_to_what_the_table_says() {
    let rows = rows();
    let mut names: Vec<String> = vec!["awaiting".into(), "=applied".into()];
    for (stage, _) in STAGES {
        names.extend([stage.to_owned(), format!("{stage}+cancel")]);
    }
    for name in &names {
        for word in EVENTS {
            let said: Vec<_> = rows
                .iter()
                .filter(|(state, event, _)| state == name && *event == word)
                .map(|(_, _, outcome)| *outcome)
                .collect();
            assert_eq!(
                said.len(),
                1,
                "the table has {name} × {word} once: {said:?}"
            );
            let outcome = transition(charter(Operation::Deploy), &state(name), &event(word));
            assert_eq!(shown(&outcome), said[0], "{name} × {word}");
        }
    }
    assert_eq!(rows.len(), names.len() * EVENTS.len(), "and nothing else");
}

#[test]
fn force_is_to_a_state_what_cancel_is_but_for_being_harder() {
    for (name, word, outcome) in rows() {
        let Some(stage) = name.strip_suffix("+cancel") else {
            continue;
        };
        let forced = state(&format!("{stage}+force"));
        let found = shown(&transition(
            charter(Operation::Deploy),
            &forced,
            &event(word),
        ));
        let expected = match word {
            "cancel" | "force" => format!("{stage}+force"),
            _ => outcome.to_owned(),
        };
        assert_eq!(found, expected, "{stage}+force × {word}");
    }
}

#[test]
fn the_operation_decides_where_plan_and_apply_lead() {
    let mut seen = 0;
    for line in OPERATIONS.lines().filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [operation, from, word, ">", expected] = words[..] else {
            panic!("`{line}`");
        };
        let operation = Operation::from_word(operation).unwrap();
        let outcome = transition(charter(operation), &state(from), &event(word));
        assert_eq!(shown(&outcome), expected, "{line}");
        seen += 1;
    }
    assert_eq!(seen, Operation::ALL.len() * 4);
}

#[test]
fn end_is_final_for_every_reason() {
    for name in rows().iter().filter_map(|row| row.2.strip_prefix('=')) {
        let ended = state(&format!("={name}"));
        for word in EVENTS {
            let outcome = transition(charter(Operation::Deploy), &ended, &event(word));
            assert_eq!(shown(&outcome), "!over", "{name} × {word}");
        }
    }
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(Operation::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// For any events in any order: an apply begins at most once, and only after an approval of the waiting plan; a
    /// refused event changes nothing; the end is final.
    #[test]
    fn no_sequence_of_events_applies_twice_or_without_approval(
        operation in any_operation(),
        words in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..60)
    ) {
        let mut now = State::START;
        let (mut applies, mut approvals) = (0, 0);
        for word in words {
            let before = now.clone();
            match transition(charter(operation), &now, &event(word)) {
                Err(_) => continue,
                Ok(next) => now = next,
            }
            prop_assert!(!matches!(before, State::Finished(_)), "nothing follows an end");
            if word.starts_with("approved") {
                prop_assert_eq!(word, "approved");
                let is_waiting = matches!(before, State::AwaitingApproval { .. });
                prop_assert!(is_waiting);
                approvals += 1;
            }
            let is_apply = |state: &State| matches!(state, State::Active { stage: Stage::Apply, .. });
            if is_apply(&now) && !is_apply(&before) {
                applies += 1;
            }
        }
        prop_assert!(applies <= 1 && applies <= approvals);
        if !matches!(operation, Operation::Deploy | Operation::Destroy) {
            prop_assert_eq!(applies, 0);
        }
    }

    /// A stop leads to an end from every state.
    #[test]
    fn a_stop_always_leads_to_an_end(
        operation in any_operation(),
        words in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..30)
    ) {
        let mut now = State::START;
        for word in words {
            if let Ok(next) = transition(charter(operation), &now, &event(word)) {
                now = next;
            }
        }
        for word in ["cancel", "stopped"] {
            if let Ok(next) = transition(charter(operation), &now, &event(word)) {
                now = next;
            }
        }
        let is_over = matches!(now, State::Finished(_));
        prop_assert!(is_over, "{:?}", now);
    }
}

#[test]
fn each_reason_has_one_status() {
    use crate::session::Status;
    let table = [
        (Reason::Applied, Status::Success),
        (Reason::NoChanges, Status::Success),
        (Reason::DriftFound, Status::Success),
        (Reason::Rejected, Status::Cancelled),
        (Reason::Expired, Status::Cancelled),
        (Reason::Killed, Status::Cancelled),
        (Reason::ApprovalVoid, Status::Failed),
        (Reason::Interrupted, Status::Failed),
        (Reason::Unknown, Status::Failed),
    ];
    for (reason, status) in table {
        assert_eq!(reason.status(), status, "{reason:?}");
    }
}
