//! The flags that are refused, and why.

use super::{Flag, FlagFault, FlagsOf, read};
use crate::protocol::is_secret_name;

/// When a flag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever it is given.
    Given,
    /// When it is on: without a value, or with one that Go reads as true.
    On,
    /// When it is off: with a value that Go reads as false.
    Off,
}

/// A flag that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name without dashes; a `*` at the end stands for any ending.
    pub flag: String,
    /// The command of which it is refused; none for both.
    pub of: Option<FlagsOf>,
    /// When it is refused.
    pub when: When,
    /// Why, as a fragment for the end of a sentence.
    pub reason: String,
}

/// Which flags are refused in `init_flags` and `plan_flags`.
///
/// The default refuses what would break a session. A platform may refuse more, or allow what it knows
/// to be harmless in its own setting.
///
/// ```
/// use iac_runner::session::flags::{FlagPolicy, FlagsOf};
///
/// let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
/// let policy = FlagPolicy::default();
/// assert!(policy.check(FlagsOf::Plan, &words("-compact-warnings -parallelism 5")).is_empty());
/// assert_eq!(policy.check(FlagsOf::Plan, &words("--lock=f -out x")).len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagPolicy {
    refusals: Vec<Refusal>,
}

/// Name, command, when, why.
type Row = (&'static str, Option<FlagsOf>, When, &'static str);

const DEFAULT: [Row; 16] = [
    (
        "chdir",
        None,
        When::Given,
        "the directory is the request's `path`",
    ),
    ("out", None, When::Given, "the session keeps the plan"),
    (
        "state*",
        None,
        When::Given,
        "the state is where the configuration says",
    ),
    (
        "backup",
        None,
        When::Given,
        "the state is where the configuration says",
    ),
    (
        "lock",
        None,
        When::Off,
        "without its lock, the state may be written by two at once",
    ),
    (
        "auto-approve",
        None,
        When::Given,
        "approval is the request's `auto_approve`",
    ),
    ("input", None, When::On, "nobody is there to answer"),
    (
        "json",
        None,
        When::On,
        "the session reads the text that the tool prints",
    ),
    (
        "json-into",
        None,
        When::Given,
        "it writes a file outside of the session",
    ),
    (
        "detailed-exitcode",
        None,
        When::On,
        "it changes what an exit code means",
    ),
    ("help", None, When::Given, "the command would not be run"),
    ("h", None, When::Given, "the command would not be run"),
    (
        "from-module",
        Some(FlagsOf::Init),
        When::Given,
        "it replaces the configuration",
    ),
    (
        "destroy",
        Some(FlagsOf::Plan),
        When::On,
        "it is the request's `operation`",
    ),
    (
        "refresh-only",
        Some(FlagsOf::Plan),
        When::On,
        "it is the request's `operation`",
    ),
    (
        "generate-config-out",
        Some(FlagsOf::Plan),
        When::Given,
        "it writes into the configuration",
    ),
];

/// What shows sensitive values in the output.
const SHOWS_SECRETS: Row = (
    "show-sensitive",
    None,
    When::On,
    "it shows sensitive values in the output",
);

impl Default for FlagPolicy {
    fn default() -> Self {
        let refusals = DEFAULT
            .into_iter()
            .chain([SHOWS_SECRETS])
            .map(|(flag, of, when, reason)| Refusal {
                flag: flag.to_owned(),
                of,
                when,
                reason: reason.to_owned(),
            })
            .collect();
        Self { refusals }
    }
}

impl FlagPolicy {
    /// Makes a policy that refuses exactly these; what is no flag at all is refused in any case.
    pub const fn new(refusals: Vec<Refusal>) -> Self {
        Self { refusals }
    }

    /// The flags that are refused.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Refuses one flag more.
    #[must_use]
    pub fn refuse(mut self, refusal: Refusal) -> Self {
        self.refusals.push(refusal);
        self
    }

    /// Takes back every refusal under this name, as it stands in the policy.
    #[must_use]
    pub fn allow(mut self, flag: &str) -> Self {
        self.refusals.retain(|refusal| refusal.flag != flag);
        self
    }

    /// Everything that is wrong with the flags of one command; empty when they may be passed on.
    pub fn check(&self, of: FlagsOf, words: &[String]) -> Vec<FlagFault> {
        let (flags, mut faults) = read(words);
        for flag in flags {
            match self.refusal(of, &flag) {
                Some(refusal) => faults.push(FlagFault::Refused {
                    flag: format!("-{}", flag.name),
                    reason: refusal.reason.clone(),
                }),
                None => faults.extend(fault_of_value(&flag)),
            }
        }
        faults
    }

    fn refusal(&self, of: FlagsOf, flag: &Flag<'_>) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| {
            is_named(&refusal.flag, flag.name)
                && refusal.of.is_none_or(|only| only == of)
                && applies(refusal.when, flag.value)
        })
    }
}

fn is_named(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// The words are those of Go's `strconv.ParseBool`.
fn applies(when: When, value: Option<&str>) -> bool {
    match when {
        When::Given => true,
        When::On => value.is_none_or(|it| matches!(it, "1" | "t" | "T" | "TRUE" | "true" | "True")),
        When::Off => matches!(value, Some("0" | "f" | "F" | "FALSE" | "false" | "False")),
    }
}

/// What is wrong with the value of a flag that is allowed.
fn fault_of_value(flag: &Flag<'_>) -> Option<FlagFault> {
    let value = flag.value?;
    let name = || format!("-{}", flag.name);
    match flag.name {
        "var" | "backend-config" if value.contains('=') => {
            let (key, _) = value.split_once('=')?;
            says_secret(key).then(|| FlagFault::Secret { flag: name() })
        }
        "var-file" | "backend-config" | "target-file" | "exclude-file" => {
            let outside = value.starts_with('/') || value.split('/').any(|part| part == "..");
            outside.then(|| FlagFault::Outside { flag: name() })
        }
        _ => None,
    }
}

/// Whether a setting's name says that it is secret; a backend has some that no variable has.
pub(in crate::session) fn says_secret(key: &str) -> bool {
    const OF_BACKENDS: [&str; 3] = ["conn_str", "encryption_key", "sse_customer_key"];
    let key = key.trim();
    is_secret_name(key)
        || OF_BACKENDS
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name))
}
