//! Flags that a request may add to `init`, `plan` and `apply`.
//!
//! A session controls where the plan is written, where the state is, and that the state is locked. A flag that
//! would override one of these is refused by name, in every spelling: with one dash or two, with its value after
//! `=` or in the next word.

mod policy;
mod refused;
#[cfg(test)]
mod tests;
mod values;

use thiserror::Error;

pub use self::policy::{FlagPolicy, FlagRefusal, When};

/// The command to which flags are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsOf {
    /// `init`.
    Init,
    /// `plan`.
    Plan,
    /// `apply` of a plan that was made.
    Apply,
}

/// What is wrong with the flags of a command. It never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlagFault {
    /// The policy refuses the flag.
    #[error("the flag `{flag}` is refused: {reason}")]
    Refused {
        /// The flag with one dash, without its value.
        flag: String,
        /// Why.
        reason: String,
    },
    /// A word is neither a flag nor the value of one.
    #[error("word {at} is neither a flag nor the value of one; write `-flag=value`")]
    Positional {
        /// Which word, the first being 1.
        at: usize,
    },
    /// A word begins like a flag but is not one.
    #[error("word {at} is no flag: a flag is one dash or two, then a name")]
    Malformed {
        /// Which word, the first being 1.
        at: usize,
    },
    /// A flag that takes a value has no value.
    #[error("the flag `{flag}` has no value")]
    ValueMissing {
        /// The flag with one dash.
        flag: String,
    },
    /// A value names a file outside of the configuration.
    #[error("the file that `{flag}` names is outside of the configuration")]
    Outside {
        /// The flag with one dash.
        flag: String,
    },
    /// The name of a value suggests a secret, and flags are stored on disk.
    #[error("`{flag}` sets a value whose name says that it is secret; give it in `env_vars`")]
    Secret {
        /// The flag with one dash.
        flag: String,
    },
}

/// Flags of both tools whose value may be the next word, so that a value is never parsed as a flag.
const TAKE_A_VALUE: [&str; 19] = [
    "backend-config",
    "backup",
    "chdir",
    "deprecation",
    "exclude",
    "exclude-file",
    "from-module",
    "generate-config-out",
    "json-into",
    "lock-timeout",
    "lockfile",
    "out",
    "parallelism",
    "plugin-dir",
    "replace",
    "target",
    "target-file",
    "test-directory",
    "var",
];

/// The other flags that take a value: a file, or a state file.
const TAKE_A_FILE: [&str; 3] = ["state", "state-out", "var-file"];

/// One flag, parsed like Go's `flag` package does.
pub(crate) struct Flag<'a> {
    /// The name without dashes.
    pub(crate) name: &'a str,
    /// The text after `=`, or the next word.
    pub(crate) value: Option<&'a str>,
}

/// Parses words as flags.
///
/// # Errors
/// Every word that is not a flag, and every flag without its required value.
pub(crate) fn read(words: &[String]) -> (Vec<Flag<'_>>, Vec<FlagFault>) {
    let mut flags = Vec::new();
    let mut faults = Vec::new();
    let mut words = (1..).zip(words);
    while let Some((at, word)) = words.next() {
        let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else {
            faults.push(FlagFault::Positional { at });
            continue;
        };
        let body = body.strip_prefix('-').unwrap_or(body);
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        if !is_flag_name(name) {
            faults.push(FlagFault::Malformed { at });
            continue;
        }
        let takes_a_value = TAKE_A_VALUE.contains(&name) || TAKE_A_FILE.contains(&name);
        let value = match value {
            None if takes_a_value => match words.next() {
                Some((_, value)) => Some(value.as_str()),
                None => {
                    faults.push(FlagFault::ValueMissing {
                        flag: format!("-{name}"),
                    });
                    None
                }
            },
            value => value,
        };
        flags.push(Flag { name, value });
    }
    (flags, faults)
}

/// Flags of `plan` that say how to work, not what to do, and that `apply` accepts as well.
const CARRIED_TO_APPLY: [&str; 8] = [
    "compact-warnings",
    "concise",
    "consolidate-errors",
    "consolidate-warnings",
    "deprecation",
    "lock-timeout",
    "no-color",
    "parallelism",
];

/// Returns the flags of a plan that its apply gets too, each rewritten as a single word.
pub(crate) fn carried_to_apply(plan_flags: &[String]) -> Vec<String> {
    written(plan_flags, |name| CARRIED_TO_APPLY.contains(&name))
}

/// Returns the `-var` flags of a plan, each rewritten as a single word.
pub(crate) fn variables(plan_flags: &[String]) -> Vec<String> {
    written(plan_flags, |name| name == "var")
}

fn written(words: &[String], is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let (flags, _) = read(words);
    flags
        .iter()
        .filter(|flag| is_wanted(flag.name))
        .map(|flag| match flag.value {
            Some(value) => format!("-{}={value}", flag.name),
            None => format!("-{}", flag.name),
        })
        .collect()
}

/// Returns whether this can be the name of a flag of either tool, and is short enough to be shown.
fn is_flag_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
