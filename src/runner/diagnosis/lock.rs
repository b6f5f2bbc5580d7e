//! The holder of a lock, as far as the tool names it.

use crate::output::Matcher;
use crate::runner::tool_output::printed::{Printed, PrintedError, folded};

/// The holder of a state lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Id of the lock, which `force-unlock` needs.
    pub(crate) id: Option<String>,
    /// `user@host`.
    pub(crate) who: Option<String>,
    /// Its operation, such as `OperationTypeApply`.
    pub(crate) operation: Option<String>,
    /// When the lock was created.
    pub(crate) created: Option<String>,
}

/// What went wrong with a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LockFault {
    /// Another process holds it.
    Locked(Holder),
    /// It could not be requested: no access, no network, a full disk.
    NotAsked,
    /// The answer to the request for it was lost: it may have been granted.
    PerhapsLocked,
    /// It is still there after the run; with its id if that was printed.
    NotReleased(Option<String>),
    /// The answer to the order to release it was lost: it may have been carried out.
    Unconfirmed,
    /// There is such an error, but perhaps another diagnostic quotes it.
    Doubtful,
}

/// Words of backends that print the lock info of *this* run in place of the holder's, and who knows the holder.
///
/// Measured with both tools: `http` answers 423 with the holder's info and the tool prints its own, with the
/// holder's id in the sentence only; `pg` knows nothing about the holder.
const OWN_INFO: [(&str, &str); 3] = [
    ("http remote state already locked", "the state server"),
    ("already locked for workspace", "the database server"),
    ("workspace is already locked", "the database server"),
];

/// Returns what went wrong with the lock, according to the tool's own errors.
pub(crate) fn lock_fault(printed: &Printed) -> Option<LockFault> {
    if let Some(fault) = printed.faults().find(|fault| is_release(fault)) {
        return Some(if is_answer_lost(fault) || may_be_released(fault) {
            LockFault::Unconfirmed
        } else {
            LockFault::NotReleased(holder(fault).id)
        });
    }
    if let Some(fault) = printed.faults().find(|fault| is_acquisition(fault)) {
        return Some(if is_own(fault) {
            LockFault::NotReleased(holder(fault).id)
        } else if names_holder(fault) {
            LockFault::Locked(holder(fault))
        } else if is_answer_lost(fault) {
            LockFault::PerhapsLocked
        } else {
            LockFault::NotAsked
        });
    }
    printed
        .doubtful()
        .any(is_about_lock)
        .then_some(LockFault::Doubtful)
}

/// Returns whether the tool failed to acquire the lock, for any reason.
pub(super) fn is_acquisition(fault: &PrintedError) -> bool {
    let summary = folded(&fault.summary).to_lowercase();
    let words = ["error acquiring the state lock", "error locking state"];
    fault.is_of_core() && words.iter().any(|words| summary.starts_with(words))
}

/// Returns whether the tool failed to release the lock.
pub(super) fn is_release(fault: &PrintedError) -> bool {
    let summary = folded(&fault.summary).to_lowercase();
    fault.is_of_core() && summary.starts_with("error releasing the state lock")
}

/// Returns whether a request may have reached its server although it failed: its connection broke, or the answer did
/// not come in time or was not readable.
///
/// The `http` backend does not tell an answer of a gateway from one of the server itself.
fn is_answer_lost(fault: &PrintedError) -> bool {
    let sentence = folded(&fault.sentence()).to_lowercase();
    let words = [
        ": eof",
        "unexpected eof",
        "connection reset",
        "broken pipe",
        "timeout",
        "timed out",
        "deadline exceeded",
        // The answer came, and was cut or is no HTTP.
        "malformed http",
        "malformed mime header",
        "bad content-length",
        "transport connection broken",
        "remote error: tls",
        "local error: tls",
    ];
    words.iter().any(|words| sentence.contains(words))
}

/// Returns whether a server of the `http` backend may have released the lock although its answer is an error to the
/// tool, which repeats a request whose answer was lost: then the lock is gone, or is already another run's.
fn may_be_released(fault: &PrintedError) -> bool {
    const GONE: [&str; 5] = ["404", "409", "410", "412", "423"];
    let sentence = folded(&fault.sentence()).to_lowercase();
    let mut codes = sentence.split("unexpected http response code ").skip(1);
    codes.any(|code| code.starts_with('2') || GONE.iter().any(|it| code.starts_with(it)))
}

/// Returns whether the lock that a request for it met is that of this run itself: the answer to the request was lost, and
/// the tool has repeated it.
pub(super) fn is_own(fault: &PrintedError) -> bool {
    let own = in_lock_info(fault).id;
    is_acquisition(fault) && own.is_some() && who_knows(fault).is_some() && holder(fault).id == own
}

/// Whether an error is about the lock of the state.
pub(crate) fn is_about_lock(fault: &PrintedError) -> bool {
    is_release(fault) || is_acquisition(fault)
}

/// Returns whether the backend reported that the lock is held.
pub(super) fn names_holder(fault: &PrintedError) -> bool {
    let sentence = fault.sentence().to_lowercase();
    let words = ["lock info:", "already locked", "conditionalcheckfailed"];
    words.iter().any(|words| sentence.contains(words))
}

/// Returns one sentence about the holder, or about where to ask for it if the backend does not name it.
///
/// `shown` is the same error, masked.
pub(super) fn sentence(fault: &PrintedError, shown: &PrintedError, matcher: &Matcher) -> String {
    let mask = |value: Option<String>| value.map(|value| matcher.mask(&value));
    let holder = holder(fault);
    let holder = Holder {
        id: mask(holder.id),
        who: mask(holder.who),
        operation: mask(holder.operation),
        created: mask(holder.created),
    };
    let unnamed = who_knows(fault).map_or_else(
        || "this backend does not tell who holds it".to_owned(),
        |who| {
            format!(
                "this backend does not tell who holds it, and the lock info in the output is this run's own: \
                 look at {who}"
            )
        },
    );
    let Some(id) = holder.id else {
        let detail = folded(&shown.detail);
        let reason = detail.split("Lock Info:").next().unwrap_or_default();
        let reason = reason.trim().trim_start_matches("Error message: ");
        return format!("state is locked: {reason}; {unnamed}");
    };
    if holder.who.is_none() {
        return format!("state is locked (lock id {id}); {unnamed}");
    }
    let by = holder
        .who
        .map_or_else(String::new, |who| format!(" by {who}"));
    let since = holder
        .created
        .map_or_else(String::new, |at| format!(" since {at}"));
    let operation = holder
        .operation
        .map_or_else(String::new, |operation| format!(", operation {operation}"));
    format!("state is locked{by}{since} (lock id {id}{operation})")
}

/// Returns one sentence about a lock that this run has left without knowing.
pub(super) fn own_sentence(fault: &PrintedError, matcher: &Matcher) -> String {
    let id = matcher.mask(&holder(fault).id.unwrap_or_default());
    format!(
        "the answer to the request for the state lock was lost, and the lock (lock id {id}) is this run's own: no one \
         else will release it"
    )
}

/// Returns who knows the holder, if the printed lock info is this run's own.
fn who_knows(fault: &PrintedError) -> Option<&'static str> {
    let sentence = fault.sentence().to_lowercase();
    OWN_INFO
        .iter()
        .find(|(words, _)| sentence.contains(words))
        .map(|(_, who)| *who)
}

/// Returns the holder that a lock error names.
fn holder(fault: &PrintedError) -> Holder {
    if who_knows(fault).is_some() {
        let sentence = fault.sentence();
        let id = sentence
            .split_once("already locked: ID=")
            .map(|(_, rest)| rest);
        let id = id.and_then(|rest| rest.split_whitespace().next());
        return Holder {
            id: id.map(str::to_owned),
            ..Holder::default()
        };
    }
    in_lock_info(fault)
}

/// Returns what the printed lock info says.
fn in_lock_info(fault: &PrintedError) -> Holder {
    let info = fault
        .detail
        .lines()
        .skip_while(|line| line.trim() != "Lock Info:");
    let mut holder = Holder::default();
    for (name, value) in info.filter_map(|line| line.trim().split_once(':')) {
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name {
            "ID" => holder.id = value,
            "Who" => holder.who = value,
            "Operation" => holder.operation = value,
            "Created" => holder.created = value,
            _ => {}
        }
    }
    holder
}
