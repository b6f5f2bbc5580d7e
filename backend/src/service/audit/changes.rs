//! Decides which changes the audit trail needs.

use chrono::Utc;
use iac_runner::session::{Snapshot, Verdict};

use crate::auth::{Person, STOP_OF_THE_SERVICE, TAKEN_OVER};
use crate::store::{AuditEntry, Claim, NewAuditEntry, Outcome, Settlement};

const APPROVE: &str = "approve";
const REJECT: &str = "reject";
const CANCEL: &str = "cancel";
const FORCE_CANCEL: &str = "force-cancel";

/// When a session is compared with the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The session was started or recovered, and accepts no decisions yet.
    TakenUp,
    /// The session has ended.
    Ended,
}

/// What a session reports about the decisions on it.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionDecisions {
    /// Entries that the audit trail should have.
    entries: Vec<NewAuditEntry>,
    is_stopped: bool,
}

/// A change that the audit trail needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AuditChange {
    Record(NewAuditEntry),
    Settle(u64, Settlement),
    /// A stop was recorded but the session was not asked: ask it now, and settle the entry at its end.
    Stop {
        by: String,
        is_forced: bool,
    },
}

/// Returns the changes that make the audit trail agree with the session.
pub(super) fn changes(
    known: SessionDecisions,
    trail: &[AuditEntry],
    moment: Moment,
) -> Vec<AuditChange> {
    let mut steps = Vec::new();
    // Oldest first.
    let mut pending: Vec<&AuditEntry> = trail
        .iter()
        .rev()
        .filter(|it| it.outcome == Outcome::Pending)
        .collect();
    for entry in known.entries {
        let says_it = |it: &AuditEntry| {
            it.entry.actor == entry.actor && is_same(&it.entry.action, &entry.action)
        };
        if trail
            .iter()
            .any(|it| it.outcome == Outcome::Done && says_it(it))
        {
            continue;
        }
        match pending.iter().position(|it| says_it(it)) {
            Some(at) => steps.push(AuditChange::Settle(
                pending.remove(at).seq,
                Settlement::Done,
            )),
            None => steps.push(AuditChange::Record(entry)),
        }
    }
    for entry in pending {
        let action = entry.entry.action.as_str();
        let is_stop = [CANCEL, FORCE_CANCEL].contains(&action);
        steps.push(match moment {
            // The session was already stopping.
            Moment::Ended if is_stop && known.is_stopped => {
                AuditChange::Settle(entry.seq, Settlement::Done)
            }
            Moment::TakenUp if is_stop => AuditChange::Stop {
                by: entry.entry.actor.clone(),
                is_forced: action == FORCE_CANCEL,
            },
            Moment::Ended | Moment::TakenUp => AuditChange::Settle(entry.seq, Settlement::Dropped),
        });
    }
    steps
}

/// Returns the decisions that a session has recorded.
pub(super) fn decisions_of(claim: &Claim, now: &Snapshot) -> SessionDecisions {
    let is_automatic = claim.deployment.is_automatic();
    let starter = Person::named(&claim.deployment.started_by);
    let is_starter = |name: &str| Person::named(name) == starter;
    let decided = now
        .decision
        .as_ref()
        .filter(|_| !is_automatic)
        .map(|it| NewAuditEntry {
            by_starter: it.verdict == Verdict::Approved && is_starter(&it.by),
            at: it.at,
            actor: it.by.clone(),
            action: match it.verdict {
                Verdict::Approved => APPROVE.to_owned(),
                Verdict::Rejected => REJECT.to_owned(),
            },
            deployment: Some(claim.lease.deployment),
            detail: it.comment.clone(),
        });
    let stopped = now
        .stop_requested_by
        .as_ref()
        .filter(|by| ![STOP_OF_THE_SERVICE, TAKEN_OVER].contains(&by.as_str()))
        .map(|by| NewAuditEntry {
            at: Utc::now(),
            actor: by.clone(),
            action: CANCEL.to_owned(),
            deployment: Some(claim.lease.deployment),
            detail: String::new(),
            by_starter: false,
        });
    SessionDecisions {
        entries: decided.into_iter().chain(stopped).collect(),
        is_stopped: now.stop_requested_by.is_some(),
    }
}

/// Compares actions. The session's record does not say whether a stop was forced.
fn is_same(of_trail: &str, of_session: &str) -> bool {
    of_trail == of_session || (of_trail, of_session) == (FORCE_CANCEL, CANCEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(actor: &str, action: &str) -> NewAuditEntry {
        NewAuditEntry {
            at: Utc::now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            deployment: None,
            detail: String::new(),
            by_starter: false,
        }
    }

    #[test]
    fn the_trail_comes_to_say_what_the_session_says() {
        use Moment::{Ended, TakenUp};
        use Outcome::{Done, Pending};
        use Settlement::{Done as IsDone, Dropped};
        type Row<'a> = (
            &'a [(&'a str, &'a str)],
            bool,
            &'a [(&'a str, &'a str, Outcome)],
            Moment,
            &'a [&'a str],
        );
        let settle = |number, settlement| format!("{:?}", AuditChange::Settle(number, settlement));
        let (dropped, done) = (settle(1, Dropped), settle(1, IsDone));
        let (second_dropped, second_done) = (settle(2, Dropped), settle(2, IsDone));
        let table: [Row<'_>; 12] = [
            (&[], false, &[], TakenUp, &[]),
            (
                &[("ann", "approve")],
                false,
                &[("ann", "approve", Done)],
                TakenUp,
                &[],
            ),
            (&[("ann", "approve")], false, &[], TakenUp, &["record"]),
            (
                &[("ann", "approve")],
                false,
                &[("ann", "approve", Pending)],
                TakenUp,
                &[&done],
            ),
            (
                &[],
                false,
                &[("ann", "approve", Pending)],
                TakenUp,
                &[&dropped],
            ),
            (
                &[],
                false,
                &[("ann", "reject", Pending)],
                Ended,
                &[&dropped],
            ),
            // Two users asked for it; one request took effect.
            (
                &[("bob", "approve")],
                false,
                &[("ann", "approve", Pending), ("bob", "approve", Pending)],
                Ended,
                &[&second_done, &dropped],
            ),
            (
                &[("ann", "approve")],
                false,
                &[("ann", "approve", Done), ("ann", "approve", Pending)],
                Ended,
                &[&second_dropped],
            ),
            (
                &[],
                false,
                &[("ann", "cancel", Pending)],
                TakenUp,
                &["stop"],
            ),
            (
                &[],
                false,
                &[("ann", "cancel", Pending)],
                Ended,
                &[&dropped],
            ),
            (
                &[("bob", "cancel")],
                true,
                &[("ann", "cancel", Pending)],
                Ended,
                &["record", &done],
            ),
            (
                &[("ann", "cancel")],
                true,
                &[("ann", "force-cancel", Pending)],
                Ended,
                &[&done],
            ),
        ];
        for (number, (known, is_stopped, trail, moment, expected)) in table.into_iter().enumerate()
        {
            let known = SessionDecisions {
                entries: known.iter().map(|(by, what)| entry(by, what)).collect(),
                is_stopped,
            };
            let mut trail: Vec<_> = (1..)
                .zip(trail)
                .map(|(seq, (by, what, outcome))| AuditEntry {
                    seq,
                    entry: entry(by, what),
                    outcome: *outcome,
                })
                .collect();
            trail.reverse();
            let seen: Vec<_> = changes(known, &trail, moment)
                .iter()
                .map(|step| match step {
                    AuditChange::Record(_) => "record".to_owned(),
                    AuditChange::Stop { .. } => "stop".to_owned(),
                    AuditChange::Settle(..) => format!("{step:?}"),
                })
                .collect();
            assert_eq!(seen, expected, "row {number}");
        }
    }
}
