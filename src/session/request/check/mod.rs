//! Checks the values of a request, field by field. Every rule is a function of its input.

mod address;
mod files;
mod git;
mod paths;
mod settings;

use std::borrow::Cow;
use std::path::Path;

use super::fault::FieldFault;
use super::source::Source;
use super::{DeployRequest, Operation};
use crate::protocol::MAX_TIMEOUT;
use crate::session::request::flags::{FlagPolicy, FlagsOf};
use crate::session::request::shell_words;

/// Result of a rule: ok, or a fragment for the end of a sentence.
type RuleResult = Result<(), String>;

/// Longest name of a workspace, in bytes: it becomes the name of a directory.
const MAX_WORKSPACE_BYTES: usize = 255;

/// The faults found so far.
#[derive(Default)]
struct Faults(Vec<FieldFault>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(FieldFault::new(field, problem));
    }

    fn note(&mut self, field: impl Into<String>, verdict: RuleResult) {
        if let Err(problem) = verdict {
            self.add(field, problem);
        }
    }
}

/// Returns everything that is wrong with the values of a request.
pub(super) fn faults(request: &DeployRequest, policy: &FlagPolicy) -> Vec<FieldFault> {
    let mut faults = Faults::default();
    source(request, &mut faults);
    directories(request, &mut faults);
    settings::environment(request, &mut faults);
    flags(
        "init_flags",
        FlagsOf::Init,
        &request.init_flags,
        policy,
        &mut faults,
    );
    flags(
        "plan_flags",
        FlagsOf::Plan,
        &request.plan_flags,
        &of_plan(request.operation, policy),
        &mut faults,
    );
    flags(
        "apply_flags",
        FlagsOf::Apply,
        &request.apply_flags,
        policy,
        &mut faults,
    );
    faults.note("timeout", timeout(request.timeout_minutes));
    if let Some(name) = &request.workspace {
        faults.note("workspace", workspace(name));
    }
    addresses(request, &mut faults);
    settings::variables(request, &mut faults);
    settings::backend(request, &mut faults);
    faults.0
}

fn source(request: &DeployRequest, faults: &mut Faults) {
    match &request.source {
        Source::Git(repository) => git::check(repository, faults),
        Source::Directory(path) => faults.note("source.directory", directory(path)),
        Source::Files(named) => files::check(named, &request.path, request.tool, faults),
    }
}

fn directory(path: &Path) -> RuleResult {
    let text = path.as_os_str().as_encoded_bytes();
    if text.contains(&0) {
        Err("holds a NUL byte".to_owned())
    } else if text.is_empty() || !path.is_absolute() {
        Err("expected an absolute path".to_owned())
    } else if path.to_str().is_none() {
        Err("is not UTF-8".to_owned())
    } else {
        Ok(())
    }
}

fn directories(request: &DeployRequest, faults: &mut Faults) {
    let depth = paths::depth_below(0, &request.path);
    faults.note("path", depth.clone().map(|_| ()));
    // If `path` itself is invalid, report only faults that do not depend on it.
    let depth = depth.unwrap_or(usize::MAX / 2);
    for (index, file) in request.tfvars_files.iter().enumerate() {
        let verdict = if file.is_empty() {
            Err("is empty; expected a file".to_owned())
        } else {
            paths::depth_below(depth, file).map(|_| ())
        };
        faults.note(format!("tfvars_files[{index}]"), verdict);
    }
}

/// Returns the policy for the plan of an operation.
fn of_plan(operation: Operation, policy: &FlagPolicy) -> Cow<'_, FlagPolicy> {
    match operation {
        Operation::Plan | Operation::Drift => Cow::Owned(policy.for_a_plan_alone()),
        Operation::Deploy | Operation::Destroy | Operation::Validate => Cow::Borrowed(policy),
    }
}

fn flags(field: &str, of: FlagsOf, text: &str, policy: &FlagPolicy, faults: &mut Faults) {
    match shell_words::split(text) {
        Ok(words) => {
            for fault in policy.check(of, &words) {
                faults.add(field, fault.to_string());
            }
        }
        Err(error) => faults.add(field, error.to_string()),
    }
}

fn timeout(minutes: f64) -> RuleResult {
    let most = MAX_TIMEOUT.as_secs() / 60;
    if (0.0..=most as f64).contains(&minutes) {
        Ok(())
    } else {
        Err(format!("expected a number of minutes from 0 to {most}"))
    }
}

/// Allows the characters that both tools accept: Go's `url.PathEscape` leaves them unchanged.
fn workspace(name: &str) -> RuleResult {
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-.~$&+=:@".contains(&b));
    if starts_well && is_plain && name.len() <= MAX_WORKSPACE_BYTES {
        Ok(())
    } else {
        Err(format!(
            "expected a letter, digit or `_`, then letters, digits and `_-.~$&+=:@`, at most \
             {MAX_WORKSPACE_BYTES} bytes"
        ))
    }
}

fn addresses(request: &DeployRequest, faults: &mut Faults) {
    for (index, target) in request.targets.iter().enumerate() {
        faults.note(format!("targets[{index}]"), address::of_target(target));
    }
    for (index, resource) in request.replace.iter().enumerate() {
        faults.note(format!("replace[{index}]"), address::of_resource(resource));
    }
    let (takes_targets, takes_replace) = match request.operation {
        Operation::Deploy | Operation::Plan => (true, true),
        Operation::Destroy | Operation::Drift => (true, false),
        Operation::Validate => (false, false),
    };
    let word = request.operation.word();
    if !takes_targets && !request.targets.is_empty() {
        faults.add(
            "targets",
            format!("means nothing to the operation `{word}`"),
        );
    }
    if !takes_replace && !request.replace.is_empty() {
        faults.add(
            "replace",
            format!("means nothing to the operation `{word}`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Tool;
    use crate::session::request::flags::{FlagRefusal, When};

    #[test]
    fn only_a_plan_alone_may_do_without_the_lock() {
        let mut request = DeployRequest::git(Tool::Tofu, "https://h/a", "main");
        request.plan_flags = "-lock=false".to_owned();
        let by_default = FlagPolicy::default();
        let stricter = FlagPolicy::default().refuse(FlagRefusal {
            flag: "lock".to_owned(),
            of: None,
            when: When::Given,
            reason: "not here".to_owned(),
        });
        let table = [
            (Operation::Deploy, 1),
            (Operation::Destroy, 1),
            (Operation::Validate, 1),
            (Operation::Plan, 0),
            (Operation::Drift, 0),
        ];
        for (operation, expected) in table {
            request.operation = operation;
            assert_eq!(faults(&request, &by_default).len(), expected);
            assert_eq!(faults(&request, &stricter).len(), 1);
        }
        request.operation = Operation::Plan;
        request.init_flags = "-lock=false".to_owned();
        assert_eq!(faults(&request, &by_default).len(), 1);
    }
}
