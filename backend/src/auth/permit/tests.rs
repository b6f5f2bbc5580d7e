//! A table test of every way to start or decide a deployment.

use super::Approval::{ByAnother, ByStarter, None as NoApproval};
use super::ApprovalRule::{AnotherPerson, StarterMayApprove};
use super::*;
use crate::auth::Roles;
use crate::auth::person::ANONYMOUS;

/// Result of a decision, without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Yes(Approval),
    /// The roles do not permit the call.
    NoRight,
    /// `auto_approve` without the approve right.
    NoApproveRight,
    /// `auto_approve` although the rule forbids it.
    AgainstRule,
    /// `auto_approve` with neither the right nor the rule.
    Neither,
    /// The caller approves a deployment that the caller started.
    Own,
    /// The caller approves a deployment that was started without a key.
    Unknown,
}
use Said::{AgainstRule, Neither, NoApproveRight, NoRight, Own, Unknown, Yes};

const ROLES: [&str; 8] = [
    "viewer",
    "deployer",
    "approver",
    "deployer,approver",
    "admin",
    "viewer,deployer",
    "viewer,approver",
    "approver,admin",
];

fn said(rule: ApprovalRule, name: &str, roles: Roles, attempt: Attempt<'_>) -> Said {
    let caller = Caller {
        name: name.to_owned(),
        roles,
    };
    match rule.permit(&caller, &attempt) {
        Ok(permit) => Yes(permit.approval()),
        Err(Denial::Right { .. }) => NoRight,
        Err(Denial::AutoApproveRight { .. }) => NoApproveRight,
        Err(Denial::AutoApproveRule | Denial::AutoApproveRevoked { .. }) => AgainstRule,
        Err(Denial::AutoApproveBoth { .. }) => Neither,
        Err(Denial::Starter { .. }) => Own,
        Err(Denial::UnknownStarter) => Unknown,
    }
}

/// Checks a row against all of [`ROLES`].
#[track_caller]
fn assert_row(rule: ApprovalRule, name: &str, attempt: Attempt<'_>, expected: [Said; 8]) {
    let row = ROLES.map(|roles| said(rule, name, roles.parse().unwrap(), attempt));
    assert_eq!(row, expected, "{rule:?} {name} {attempt:?}");
}

#[test]
fn a_start_needs_the_right_and_auto_approve_two_more_things() {
    use Operation::{Deploy, Destroy, Drift, Plan, Validate};
    // A start without an approval, under either rule.
    let plain = [
        NoRight,
        Yes(NoApproval),
        NoRight,
        Yes(NoApproval),
        Yes(NoApproval),
        Yes(NoApproval),
        NoRight,
        Yes(NoApproval),
    ];
    let approved = [
        NoRight,
        NoApproveRight,
        NoRight,
        Yes(ByStarter),
        Yes(ByStarter),
        NoApproveRight,
        NoRight,
        Yes(ByStarter),
    ];
    let refused = [
        NoRight,
        Neither,
        NoRight,
        AgainstRule,
        AgainstRule,
        Neither,
        NoRight,
        AgainstRule,
    ];
    let table = [
        // operation, auto_approve, starter may approve, another person must
        (Deploy, false, plain, plain),
        (Destroy, false, plain, plain),
        (Plan, false, plain, plain),
        (Drift, false, plain, plain),
        (Validate, false, plain, plain),
        (Deploy, true, approved, refused),
        (Destroy, true, approved, refused),
        // Nothing to approve: these end without an apply.
        (Plan, true, plain, plain),
        (Drift, true, plain, plain),
        (Validate, true, plain, plain),
    ];
    assert_eq!(table.len(), 2 * Operation::ALL.len());
    for (operation, auto_approve, may, another) in table {
        let attempt = Attempt::Start {
            operation,
            auto_approve,
        };
        assert_row(StarterMayApprove, "ann", attempt, may);
        assert_row(AnotherPerson, "ann", attempt, another);
    }
}

#[test]
fn an_approval_needs_the_right_and_by_the_rule_another_person() {
    /// Returns `said` for the roles with the approve right, `NoRight` for the others.
    fn with_right(said: Said) -> [Said; 8] {
        [NoRight, NoRight, said, said, said, NoRight, said, said]
    }
    let table = [
        // starter, caller, starter may approve, another person must
        ("ann", "ann", Yes(ByStarter), Own),
        ("ann", "ANN", Yes(ByStarter), Own),
        ("ren\u{e9}", "Rene\u{301}", Yes(ByStarter), Own),
        (
            "stra\u{df}e",
            "\u{ff33}\u{ff34}\u{ff32}\u{ff21}\u{ff33}\u{ff33}\u{ff25}",
            Yes(ByStarter),
            Own,
        ),
        ("ann", "bob", Yes(ByAnother), Yes(ByAnother)),
        ("ann", "anna", Yes(ByAnother), Yes(ByAnother)),
        ("anonymous", "anonymous", Yes(ByStarter), Own),
        ("anonymous", "ann", Yes(ByAnother), Unknown),
        ("ann", "anonymous", Yes(ByAnother), Yes(ByAnother)),
    ];
    for (starter, name, may, another) in table {
        let attempt = Attempt::Approve { starter };
        assert_row(StarterMayApprove, name, attempt, with_right(may));
        assert_row(AnotherPerson, name, attempt, with_right(another));
    }
}

#[test]
fn what_stops_a_deployment_needs_the_right_alone() {
    let yes = Yes(NoApproval);
    let table = [
        (
            Attempt::Reject,
            [NoRight, NoRight, yes, yes, yes, NoRight, yes, yes],
        ),
        (
            Attempt::Cancel,
            [NoRight, yes, NoRight, yes, yes, yes, NoRight, yes],
        ),
        (
            Attempt::ForceCancel,
            [
                NoRight, NoRight, NoRight, NoRight, yes, NoRight, NoRight, yes,
            ],
        ),
    ];
    for (attempt, expected) in table {
        for rule in [StarterMayApprove, AnotherPerson] {
            assert_row(rule, "ann", attempt, expected);
        }
    }
}

#[test]
fn what_was_queued_with_auto_approve_begins_by_the_rule_of_now() {
    for operation in Operation::ALL {
        let is_held = matches!(operation, Operation::Deploy | Operation::Destroy);
        for auto_approve in [false, true] {
            let callers = [caller("ann", "deployer,approver")];
            let begins =
                |rule: ApprovalRule| rule.begin(operation, auto_approve, "ann", &callers).is_ok();
            assert!(begins(StarterMayApprove));
            assert_eq!(begins(AnotherPerson), !(is_held && auto_approve));
        }
    }
}

#[test]
fn what_was_queued_with_auto_approve_begins_only_while_its_starter_may_approve() {
    type Key = (&'static str, &'static str);
    let table: [(&str, &[Key], bool); 7] = [
        ("ann", &[("ann", "deployer,approver")], true),
        ("ann", &[("bob", "viewer"), ("Ann", "admin")], true),
        ("ann", &[("ann", "deployer"), ("ann", "approver")], false),
        ("ann", &[("bob", "admin")], false),
        ("ann", &[], false),
        (ANONYMOUS, &[], true),
        (ANONYMOUS, &[("bob", "admin")], false),
    ];
    for (starter, keys, expected) in table {
        let callers: Vec<Caller> = keys
            .iter()
            .map(|(name, roles)| caller(name, roles))
            .collect();
        let begins = |auto_approve| {
            StarterMayApprove
                .begin(Operation::Destroy, auto_approve, starter, &callers)
                .is_ok()
        };
        assert_eq!(begins(true), expected, "{starter}: {keys:?}");
        assert!(begins(false));
    }
}

fn caller(name: &str, roles: &str) -> Caller {
    Caller {
        name: name.to_owned(),
        roles: roles.parse().unwrap(),
    }
}

#[test]
fn the_text_says_which_of_the_two_is_missing_and_what_to_do() {
    let attempt = Attempt::Start {
        operation: Operation::Deploy,
        auto_approve: true,
    };
    let text = |rule: ApprovalRule, roles: &str| {
        let caller = Caller {
            name: "ci".to_owned(),
            roles: roles.parse().unwrap(),
        };
        rule.permit(&caller, &attempt).unwrap_err().to_string()
    };
    let (right, rule) = ("without the approve right", "starter_may_approve = false");
    let table = [
        (StarterMayApprove, "deployer", true, false),
        (AnotherPerson, "admin", false, true),
        (AnotherPerson, "deployer,approver", false, true),
        (AnotherPerson, "deployer", true, true),
    ];
    for (given, roles, lacks_right, against_rule) in table {
        let text = text(given, roles);
        assert_eq!(text.contains(right), lacks_right, "{text}");
        assert_eq!(text.contains(rule), against_rule, "{text}");
        assert!(text.contains("leave `auto_approve` out"), "{text}");
    }
}
