//! The flags that are refused by default, and the reasons.

use super::{FlagRefusal, FlagsOf, When};

/// Name, when, why.
type Row = (&'static str, When, &'static str);

const STATE: &str = "the state is where the configuration says";
const MOVES: &str = "it overwrites the state of another backend, which no approval covers";
const WRITES: &str = "it writes a file that is not part of the deployment";
pub(crate) const NOT_RUN: &str = "the command would not be run";
const PLANNED: &str = "the plan that was approved says it: give it in `plan_flags`";
const OPERATION: &str = "it is the request's `operation`";

const NO_LOCK: Row = (
    "lock",
    When::Off,
    "without its lock, two may write the state",
);

const OF_ALL: [Row; 15] = [
    (
        "chdir",
        When::Given,
        "the directory is the request's `path`",
    ),
    (
        "out",
        When::Given,
        "the plan file is kept with the deployment",
    ),
    ("state*", When::Given, STATE),
    ("backup", When::Given, STATE),
    NO_LOCK,
    (
        "auto-approve",
        When::Given,
        "it is the request's `auto_approve`",
    ),
    ("input", When::On, "no one can answer prompts"),
    (
        "json",
        When::On,
        "the output of the tool is parsed, not shown",
    ),
    ("json-into", When::Given, WRITES),
    (
        "detailed-exitcode",
        When::On,
        "it changes what an exit code says",
    ),
    ("show-sensitive", When::On, "it prints sensitive values"),
    ("help", When::Given, NOT_RUN),
    ("h", When::Given, NOT_RUN),
    ("version", When::Given, NOT_RUN),
    ("v", When::Given, NOT_RUN),
];

const OF_INIT: [Row; 4] = [
    ("from-module", When::Given, "it replaces the configuration"),
    ("force-copy", When::On, MOVES),
    ("migrate-state", When::On, MOVES),
    (
        "plugin-dir",
        When::Given,
        "its providers are programs from outside of the configuration",
    ),
];

const OF_PLAN: [Row; 4] = [
    ("destroy", When::On, OPERATION),
    ("refresh-only", When::On, OPERATION),
    ("generate-config-out", When::Given, WRITES),
    (
        "var-file",
        When::Given,
        "files of variables are the request's `tfvars_files`",
    ),
];

const OF_APPLY: [Row; 11] = [
    ("destroy", When::On, OPERATION),
    ("refresh-only", When::On, OPERATION),
    ("generate-config-out", When::Given, WRITES),
    (
        "target",
        When::Given,
        "the plan that was approved says it: give it in `targets`",
    ),
    (
        "replace",
        When::Given,
        "the plan that was approved says it: give it in `replace`",
    ),
    ("target-file", When::Given, PLANNED),
    ("exclude*", When::Given, PLANNED),
    ("refresh", When::Given, PLANNED),
    (
        "var",
        When::Given,
        "the plan that was approved says it: give it in `variables`",
    ),
    (
        "var-file",
        When::Given,
        "the plan that was approved says it: give it in `tfvars_files`",
    ),
    ("allow-deferral", When::Given, PLANNED),
];

/// Returns every refusal of the default policy.
pub(crate) fn by_default() -> Vec<FlagRefusal> {
    let tables: [(Option<FlagsOf>, &[Row]); 4] = [
        (None, &OF_ALL),
        (Some(FlagsOf::Init), &OF_INIT),
        (Some(FlagsOf::Plan), &OF_PLAN),
        (Some(FlagsOf::Apply), &OF_APPLY),
    ];
    let refusals = tables
        .into_iter()
        .flat_map(|(of, rows)| rows.iter().map(move |row| refusal(of, row)));
    refusals.collect()
}

/// Returns the refusal of a disabled lock.
pub(crate) fn no_lock() -> FlagRefusal {
    refusal(None, &NO_LOCK)
}

fn refusal(of: Option<FlagsOf>, (flag, when, reason): &Row) -> FlagRefusal {
    FlagRefusal {
        flag: (*flag).to_owned(),
        of,
        when: *when,
        reason: (*reason).to_owned(),
    }
}
