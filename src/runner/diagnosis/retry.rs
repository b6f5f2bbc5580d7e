//! Decides whether the same request may be sent again unchanged.

use crate::protocol::DiagnosisClass;
use crate::runner::command::effect::{Effect, effect_of};
use crate::runner::tool_output::printed::PrintedError;

/// Returns whether a command that failed with this error may be sent again.
pub(super) fn is_retryable(
    command: &str,
    args: &[String],
    class: DiagnosisClass,
    fault: &PrintedError,
) -> bool {
    if effect_of(command, args) != Effect::Nothing {
        return false;
    }
    match class {
        DiagnosisClass::StateLocked => command == "plan",
        DiagnosisClass::ProviderInstall | DiagnosisClass::ModuleDownload => is_transient(fault),
        DiagnosisClass::Other => is_of_backend(fault) && is_transient(fault),
        DiagnosisClass::StateLockReleaseFailed
        | DiagnosisClass::StateWriteFailed
        | DiagnosisClass::BackendInitRequired
        | DiagnosisClass::BackendAuth
        | DiagnosisClass::MissingVariable
        | DiagnosisClass::InvalidConfiguration
        | DiagnosisClass::NoConfiguration
        | DiagnosisClass::StalePlan
        | DiagnosisClass::PlanMissing
        | DiagnosisClass::ProviderAuth
        | DiagnosisClass::ProviderError
        | DiagnosisClass::VersionConstraint
        | DiagnosisClass::ApprovalRequired
        | DiagnosisClass::LockfileMismatch
        | DiagnosisClass::OutOfDisk
        | DiagnosisClass::OutOfMemory => false,
    }
}

/// Returns whether the state backend, rather than a resource, was unreachable.
fn is_of_backend(fault: &PrintedError) -> bool {
    let sentence = fault.sentence().to_lowercase();
    let words = [
        "error acquiring the state lock",
        "error refreshing state",
        "error loading state",
        "failed to get state",
        "failed to get existing workspaces",
    ];
    words.iter().any(|words| sentence.starts_with(words))
}

/// Words about network problems that may disappear within a minute.
///
/// `no such host` is one of them: Go also reports it for a resolver that is briefly unreachable.
const NETWORK: [&str; 23] = [
    "bad gateway",
    "client.timeout exceeded",
    "connection refused",
    "connection reset",
    "connection timed out",
    "context deadline exceeded",
    "could not resolve host",
    "couldn't connect to server",
    "failed to connect to",
    "gateway time",
    "giving up after",
    "i/o timeout",
    "internal server error",
    "network is unreachable",
    "no route to host",
    "no such host",
    "operation timed out",
    "server misbehaving",
    "service unavailable",
    "temporary failure in name resolution",
    "tls handshake timeout",
    "too many requests",
    "unexpected eof",
];

/// Text before a status number, as printed by go-getter, the AWS SDK and git.
const BEFORE_STATUS: [&str; 4] = [
    "response code: ",
    "statuscode: ",
    "status code: ",
    "returned error: ",
];

fn is_transient(fault: &PrintedError) -> bool {
    let sentence = fault.sentence().to_lowercase();
    let is_passing = |status: &str| status.starts_with('5') || status.starts_with("429");
    NETWORK.iter().any(|words| sentence.contains(words))
        || BEFORE_STATUS
            .iter()
            .any(|before| sentence.split(before).skip(1).any(is_passing))
}
