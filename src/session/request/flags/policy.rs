//! The policy that decides which flags are refused.

use super::{Flag, FlagFault, FlagsOf, read, refused, values};
use crate::protocol::asks_for_help_or_version;

/// When a flag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Given,
    /// When it is on: without a value, or with a value that Go parses as true.
    On,
    /// When it is off: with a value that Go parses as false.
    Off,
}

/// A flag that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagRefusal {
    /// Its name without dashes; a `*` at the end matches any suffix.
    pub flag: String,
    /// The command to which the refusal applies; `None` for all.
    pub of: Option<FlagsOf>,
    /// When it is refused.
    pub when: When,
    /// The reason, as a fragment for the end of a sentence.
    pub reason: String,
}

/// Which flags are refused in `init_flags`, `plan_flags` and `apply_flags`.
///
/// The default refuses flags that would break a session. A platform may refuse more, or allow flags that are
/// harmless in its own setup.
///
/// ```
/// use iac_runner::session::request::flags::{FlagPolicy, FlagsOf};
///
/// let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
/// let policy = FlagPolicy::default();
/// assert!(policy.check(FlagsOf::Plan, &words("-compact-warnings -parallelism 5")).is_empty());
/// assert_eq!(policy.check(FlagsOf::Plan, &words("--lock=f -out x")).len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagPolicy {
    refusals: Vec<FlagRefusal>,
}

impl Default for FlagPolicy {
    fn default() -> Self {
        Self {
            refusals: refused::by_default(),
        }
    }
}

impl FlagPolicy {
    /// Creates a policy with exactly these refusals; words that are not flags are always refused.
    pub const fn new(refusals: Vec<FlagRefusal>) -> Self {
        Self { refusals }
    }

    /// Returns the refusals.
    pub fn refusals(&self) -> &[FlagRefusal] {
        &self.refusals
    }

    /// Adds a refusal.
    #[must_use]
    pub fn refuse(mut self, refusal: FlagRefusal) -> Self {
        self.refusals.push(refusal);
        self
    }

    /// Removes every refusal with this name, as spelled in the policy.
    #[must_use]
    pub fn allow(mut self, flag: &str) -> Self {
        self.refusals.retain(|refusal| refusal.flag != flag);
        self
    }

    /// Returns the policy for a plan that is never applied: it may run without the lock, since it writes no state.
    /// Refusals that a platform added stay.
    pub(crate) fn for_a_plan_alone(&self) -> Self {
        let mut policy = self.clone();
        policy
            .refusals
            .retain(|refusal| *refusal != refused::no_lock());
        policy
    }

    /// Returns everything that is wrong with the flags of one command; empty if they may be passed on.
    pub fn check(&self, of: FlagsOf, words: &[String]) -> Vec<FlagFault> {
        let (flags, mut faults) = read(words);
        // The tools accept these words anywhere, also in the place of a value.
        let is_value = |word: &&String| {
            asks_for_help_or_version(word)
                && !flags
                    .iter()
                    .any(|flag| flag.name == word.trim_start_matches('-'))
        };
        faults.extend(
            words
                .iter()
                .filter(is_value)
                .map(|word| FlagFault::Refused {
                    flag: word.clone(),
                    reason: refused::NOT_RUN.to_owned(),
                }),
        );
        for flag in flags {
            match self.refusal(of, &flag) {
                Some(refusal) => faults.push(FlagFault::Refused {
                    flag: format!("-{}", flag.name),
                    reason: refusal.reason.clone(),
                }),
                None => faults.extend(values::fault(&flag)),
            }
        }
        faults
    }

    fn refusal(&self, of: FlagsOf, flag: &Flag<'_>) -> Option<&FlagRefusal> {
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

/// Accepts the same words as Go's `strconv.ParseBool`.
fn applies(when: When, value: Option<&str>) -> bool {
    match when {
        When::Given => true,
        When::On => value.is_none_or(|it| matches!(it, "1" | "t" | "T" | "TRUE" | "true" | "True")),
        When::Off => matches!(value, Some("0" | "f" | "F" | "FALSE" | "false" | "False")),
    }
}
