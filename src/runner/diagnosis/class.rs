//! Classifies errors by their words.

use crate::protocol::DiagnosisClass;

use super::lock;
use crate::runner::tool_output::printed::{PrintedError, folded};

/// A class, and the words that imply it wherever they occur.
type ClassRule = (DiagnosisClass, &'static [&'static str]);

/// Rules in the order of evaluation: specific ones before general ones.
const RULES: [ClassRule; 13] = [
    (
        DiagnosisClass::LockfileMismatch,
        &[
            "match any of the checksums",
            "does not match configured version constraint",
            "match the updated version constraints",
            "provider dependency changes detected",
        ],
    ),
    (
        DiagnosisClass::BackendInitRequired,
        &[
            "backend initialization required",
            "backend configuration changed",
            "initialization required",
            "module not installed",
            "module source has changed",
            "required by this configuration but no version is selected",
            "required plugins are not installed",
        ],
    ),
    (
        DiagnosisClass::VersionConstraint,
        &[
            "unsupported terraform core version",
            "unsupported opentofu core version",
            "no available releases match the given constraints",
            "unresolvable module version constraint",
            "which is newer than current",
        ],
    ),
    (
        DiagnosisClass::StalePlan,
        &[
            "saved plan is stale",
            "saved plan does not match the given state",
        ],
    ),
    (
        DiagnosisClass::ApprovalRequired,
        &["error asking for ", "plan file or auto-approve required"],
    ),
    (DiagnosisClass::NoConfiguration, &["no configuration files"]),
    (
        DiagnosisClass::OutOfMemory,
        &[
            "out of memory",
            "cannot allocate memory",
            "failed to reserve page summary memory",
        ],
    ),
    (
        DiagnosisClass::OutOfDisk,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        DiagnosisClass::ProviderInstall,
        &[
            "failed to query available provider packages",
            "failed to resolve provider packages",
            "failed to install provider",
            "incompatible provider version",
        ],
    ),
    (
        DiagnosisClass::ModuleDownload,
        &[
            "failed to download module",
            "module not found",
            "error accessing remote module registry",
            "unreadable module directory",
            "unreadable module subdirectory",
        ],
    ),
    (
        DiagnosisClass::MissingVariable,
        &["no value for required variable"],
    ),
    (
        DiagnosisClass::InvalidConfiguration,
        &[
            "encountered problems during initiali",
            "value for undeclared variable",
            "invalid value for input variable",
            "invalid value for variable",
            "failed to read variables file",
        ],
    ),
    (
        DiagnosisClass::ProviderError,
        &[
            "provisioner error",
            "plugin did not respond",
            "failed to load plugin schemas",
            "failed to read schema for",
            "failed to instantiate provider",
            "provider produced in",
        ],
    ),
];

/// Beginnings of errors about writing the state, in lower case.
const STATE_WRITE: [&str; 9] = [
    "error copying state",
    "error saving state",
    "error saving the state",
    "error writing state",
    "failed to create local state file",
    "failed to persist state",
    "failed to save state",
    "failed to upload state",
    "failed to write state",
];

/// Words about missing or invalid credentials.
const CREDENTIALS: [&str; 20] = [
    "authentication failed",
    "authenticationfailed",
    "az login",
    "credentials loaded",
    "default credentials",
    "error building arm config",
    "expiredtoken",
    "expired token",
    "invalid auth",
    "invalid_grant",
    "invalidaccesskeyid",
    "invalidclienttokenid",
    "no valid credential",
    "nocredentialproviders",
    "refresh cached credentials",
    "requires auth",
    "signaturedoesnotmatch",
    "statuscode: 401",
    "status code: 401",
    "unable to build authorizer",
];

/// Words of a refusal. From a backend they mean that its credentials are insufficient; from a provider they may
/// concern only one resource.
const REFUSAL: [&str; 6] = [
    "access denied",
    "accessdenied",
    "forbidden",
    "statuscode: 403",
    "status code: 403",
    "unauthorized",
];

/// Conditions by the configuration's author, which are the fault of neither provider nor syntax.
const CONDITIONS: [&str; 4] = [
    "resource precondition failed",
    "resource postcondition failed",
    "module output value precondition failed",
    "check block assertion failed",
];

/// Returns whether the tool failed to write the state.
pub(crate) fn is_state_write(fault: &PrintedError) -> bool {
    let summary = folded(&fault.summary).to_lowercase();
    fault.is_of_core() && STATE_WRITE.iter().any(|words| summary.starts_with(words))
}

/// Returns the class of one error.
pub(super) fn of(fault: &PrintedError) -> DiagnosisClass {
    let summary = folded(&fault.summary).to_lowercase();
    let words = format!("{summary} {}", folded(&fault.detail).to_lowercase());
    let has = |list: &[&str]| list.iter().any(|it| words.contains(it));
    let starts = |list: &[&str]| list.iter().any(|it| summary.starts_with(it));
    if is_state_write(fault) {
        return DiagnosisClass::StateWriteFailed;
    }
    if lock::is_release(fault) || lock::is_own(fault) {
        return DiagnosisClass::StateLockReleaseFailed;
    }
    if lock::is_acquisition(fault) && lock::names_holder(fault) {
        return DiagnosisClass::StateLocked;
    }
    let unreadable_plan = [" as a plan file", "as a state or plan file"];
    if unreadable_plan.iter().any(|it| summary.contains(it)) {
        return if has(&["no such file or directory"]) {
            DiagnosisClass::PlanMissing
        } else {
            DiagnosisClass::Other
        };
    }
    if starts(&CONDITIONS) {
        return DiagnosisClass::Other;
    }
    // A detail with a place or an address may quote anything: a script, an API, an author.
    let searched = if fault.is_of_core() { &words } else { &summary };
    let fits = |list: &[&str]| list.iter().any(|it| searched.contains(it));
    if let Some((class, _)) = RULES.iter().find(|(_, list)| fits(list)) {
        return *class;
    }
    by_origin(fault, has(&CREDENTIALS), has(&REFUSAL))
}

/// Distinguishes backend, provider and core if the words may be a quotation.
///
/// Core prints the address of the resource for which it called a provider; the backend has no place in the
/// configuration to name.
fn by_origin(fault: &PrintedError, bad_credentials: bool, refused: bool) -> DiagnosisClass {
    match (&fault.address, &fault.place) {
        (Some(_), _) if bad_credentials => DiagnosisClass::ProviderAuth,
        (Some(_), _) => DiagnosisClass::ProviderError,
        (None, Some(_)) => DiagnosisClass::InvalidConfiguration,
        (None, None) if bad_credentials || refused => DiagnosisClass::BackendAuth,
        (None, None) => DiagnosisClass::Other,
    }
}

/// Returns the rank of a class among several: the lowest is the most informative.
///
/// State at stake comes first, then causes that make everything else fail, then problems to fix before the tool can
/// start, then failures of single resources.
pub(super) const fn rank(class: DiagnosisClass) -> u8 {
    match class {
        DiagnosisClass::StateWriteFailed => 0,
        DiagnosisClass::StateLockReleaseFailed => 1,
        DiagnosisClass::StateLocked => 2,
        DiagnosisClass::OutOfMemory => 3,
        DiagnosisClass::OutOfDisk => 4,
        DiagnosisClass::BackendAuth => 5,
        DiagnosisClass::VersionConstraint => 6,
        DiagnosisClass::LockfileMismatch => 7,
        DiagnosisClass::BackendInitRequired => 8,
        DiagnosisClass::StalePlan => 9,
        DiagnosisClass::PlanMissing => 10,
        DiagnosisClass::NoConfiguration => 11,
        DiagnosisClass::ProviderInstall => 12,
        DiagnosisClass::ModuleDownload => 13,
        DiagnosisClass::MissingVariable => 14,
        DiagnosisClass::ProviderAuth => 15,
        DiagnosisClass::InvalidConfiguration => 16,
        DiagnosisClass::ProviderError => 17,
        DiagnosisClass::ApprovalRequired => 18,
        DiagnosisClass::Other => 19,
    }
}
