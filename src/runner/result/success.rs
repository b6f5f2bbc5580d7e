//! Decides whether the command of a run succeeded.
//!
//! An exit code is meaningful only if it is the tool's own: a crashing Go program exits with 2, as a plan with
//! changes does, and a script in the tool's place may exit with the code of another program.

use crate::process::Ended;
use crate::runner::command::effect::{Effect, effect_of};
use crate::runner::command::flags;
use crate::runner::command::leader::Leader;
use crate::runner::state_report::ToolProgress;

/// Why a run was not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortfall {
    /// The exit code reports a failure.
    ExitCode,
    /// The exit code says that a plan has changes, but the tool's output does not.
    NoPlan,
    /// The plan file is empty.
    EmptyPlanFile,
    /// The plan file does not exist.
    NoPlanFile,
    /// The tool printed an error, but the program in its place exited with 0.
    HiddenError,
    /// The tool did not report that it completed the command, but the program in its place exited with 0.
    NoClosingWords,
    /// The tool was interrupted or outlived the program in its place, which exited with 0.
    HiddenEnd,
    /// The tool was interrupted, skipped the rest of its work, and exited with 0.
    LeftOut,
}

/// The file of `plan -out`, once the plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanFile {
    /// It was not requested, it exists, or its path is unknown.
    Fine,
    Empty,
    Missing,
}

/// Inputs of the decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SuccessInput<'a> {
    pub(crate) command: &'a str,
    /// All arguments, including those from the environment.
    pub(crate) args: &'a [String],
    pub(crate) ended: Ended,
    pub(crate) leader: Leader,
    pub(crate) words: ToolProgress,
    pub(crate) plan_file: PlanFile,
    /// Whether `workspace select` names the currently selected workspace: the tool then prints nothing.
    pub(crate) is_workspace_selected: bool,
    /// Whether it was stopped, or continued after the program in its place had ended.
    pub(crate) is_stopped: bool,
    /// Whether the tool was asked to stop, and received that.
    pub(crate) is_interrupted: bool,
    /// Whether the exit code is not conclusive about the tool, see [`RunEnd::hides_end_of_tool`].
    ///
    /// [`RunEnd::hides_end_of_tool`]: super::run_end::RunEnd::hides_end_of_tool
    pub(crate) hides_end: bool,
}

/// Decides about a run that has ended.
pub(crate) fn judge(facts: &SuccessInput<'_>) -> Result<(), Shortfall> {
    let is_detailed = facts.command == "plan" && flags::is_on(facts.args, "detailed-exitcode");
    match facts.ended {
        Ended::Exited(0) => {}
        Ended::Exited(2) if is_detailed => {
            if !facts.words.is_planned || facts.words.has_crashed {
                return Err(Shortfall::NoPlan);
            }
        }
        Ended::Exited(_) | Ended::Signalled(_) => return Err(Shortfall::ExitCode),
    }
    // Both tools count the runs that they skip as neither passed nor failed.
    if facts.command == "test" && facts.is_interrupted {
        return Err(Shortfall::LeftOut);
    }
    if facts.leader == Leader::Wrapper {
        by_words(facts)?;
    }
    match facts.plan_file {
        PlanFile::Fine => Ok(()),
        PlanFile::Empty => Err(Shortfall::EmptyPlanFile),
        PlanFile::Missing => Err(Shortfall::NoPlanFile),
    }
}

/// Decides by the tool's output: the exit code is that of another program.
fn by_words(facts: &SuccessInput<'_>) -> Result<(), Shortfall> {
    let words = facts.words;
    let is_state = effect_of(facts.command, facts.args) == Effect::State;
    let has_closed = match facts.command {
        "apply" | "destroy" => Some(words.is_complete || words.is_perhaps_complete),
        "plan" => Some(words.is_planned && !words.has_closed_with_error),
        "init" => Some(words.is_initialized && !words.has_closed_with_error),
        "validate" => Some(words.is_valid && !words.has_closed_with_error),
        "import" | "taint" | "untaint" => Some(words.is_written && !words.has_closed_with_error),
        "state" if is_state => Some(words.is_written || words.is_confirmed),
        "refresh" | "test" | "force-unlock" => {
            Some(words.is_confirmed && !words.has_closed_with_error)
        }
        "workspace" if changes_workspaces(facts.args) => {
            Some(words.is_confirmed || facts.is_workspace_selected)
        }
        _ => None,
    };
    if has_closed != Some(true) && (words.has_error || words.has_crashed || says_bare_error(facts))
    {
        return Err(Shortfall::HiddenError);
    }
    match has_closed {
        Some(false) => Err(Shortfall::NoClosingWords),
        Some(true) if is_state => Ok(()),
        None if is_state && facts.is_stopped => Err(Shortfall::HiddenEnd),
        Some(true) | None if facts.hides_end => Err(Shortfall::HiddenEnd),
        Some(true) | None => Ok(()),
    }
}

fn changes_workspaces(args: &[String]) -> bool {
    matches!(
        flags::first_operand(args),
        Some("new" | "select" | "delete")
    )
}

/// Returns whether a bare line reports a failure, for a command that prints no text of others.
fn says_bare_error(facts: &SuccessInput<'_>) -> bool {
    let prints_data = match facts.command {
        "output" | "show" | "console" | "graph" | "providers" => true,
        "state" => effect_of(facts.command, facts.args) == Effect::Nothing,
        _ => false,
    };
    facts.words.has_bare_error && !prints_data
}

#[cfg(test)]
mod tests {
    use super::Shortfall::*;
    use super::*;
    use crate::runner::tool_output::printed::Printed;

    fn judged(line: &str, leader: Leader, code: i32, text: &str) -> Result<(), Shortfall> {
        let mut args = line.split(' ').map(str::to_owned);
        let command = args.next().unwrap();
        let args: Vec<String> = args.collect();
        judge(&SuccessInput {
            command: &command,
            args: &args,
            ended: Ended::Exited(code),
            leader,
            words: ToolProgress::of(&Printed::of(text, &args)),
            plan_file: PlanFile::Fine,
            is_workspace_selected: false,
            is_stopped: false,
            is_interrupted: false,
            hides_end: false,
        })
    }

    const PLANNED: &str = "a: Refreshing state...\n\nPlan: 1 to add, 0 to change, 0 to destroy.\n";
    const ERROR: &str = "╷\n│ Error: Invalid\n│ \n│ no\n╵\n";
    const APPLIED: &str = "a: Creating...\n\nApply complete! Resources: 1 added\n";
    const JSON_PLANNED: &str =
        r#"{"@module":"tofu.ui","changes":{"add":1,"operation":"plan"},"type":"change_summary"}"#;
    const JSON_APPLIED: &str =
        r#"{"@module":"tofu.ui","changes":{"add":1,"operation":"apply"},"type":"change_summary"}"#;
    const JSON_INIT: &str = r#"{"@message":"Terraform has been successfully initialized!","@module":"terraform.ui","message_code":"output_init_success_message","type":"init_output"}"#;

    const JSON_TESTED: &str = r#"{"@message":"Success! 1 passed, 0 failed.","@module":"terraform.ui","test_summary":{"status":"pass","passed":1},"type":"test_summary"}"#;

    #[test]
    fn code_2_needs_the_words_of_a_plan() {
        let crashed = format!("{PLANNED}SIGQUIT: quit\nPC=0x1\n");
        for (text, expected) in [
            (PLANNED, Ok(())),
            (JSON_PLANNED, Ok(())),
            ("Changes to Outputs:\n  + a = 1\n", Ok(())),
            ("", Err(NoPlan)),
            ("Acquiring state lock. This\nSIGQUIT: quit\n", Err(NoPlan)),
            ("fatal error: out of memory\n", Err(NoPlan)),
            (&crashed, Err(NoPlan)),
        ] {
            for leader in [Leader::Tool, Leader::Wrapper] {
                let told = judged("plan -detailed-exitcode", leader, 2, text);
                assert_eq!(told, expected, "{leader:?} {text}");
            }
            assert_eq!(
                judged("plan", Leader::Tool, 2, text),
                Err(ExitCode),
                "{text}"
            );
        }
    }

    #[test]
    fn code_0_of_a_wrapper_needs_the_words_of_the_tool() {
        let twice = format!("{APPLIED}b: Creating...\n");
        let locked_out = format!("{APPLIED}{ERROR}");
        let in_order = format!("{APPLIED}\nOutputs:\n\na = 1\nb: Creating...\n{APPLIED}");
        let after_failure = format!("{ERROR}{APPLIED}");
        for (line, text, expected) in [
            ("apply", APPLIED, Ok(())),
            ("apply -json", JSON_APPLIED, Ok(())),
            ("apply", &in_order, Ok(())),
            ("apply", &after_failure, Ok(())),
            ("apply", "a: Creating...\n", Err(NoClosingWords)),
            ("apply", "", Err(NoClosingWords)),
            ("apply", &twice, Err(NoClosingWords)),
            ("apply", &locked_out, Err(HiddenError)),
            (
                "destroy",
                "Destroy complete! Resources: 1 destroyed.\n",
                Ok(()),
            ),
            ("plan", PLANNED, Ok(())),
            ("plan", "No changes. Your infrastructure matches\n", Ok(())),
            ("plan", "a: Refreshing state...\n", Err(NoClosingWords)),
            ("plan", &format!("{PLANNED}{ERROR}"), Err(HiddenError)),
            ("plan -json", JSON_PLANNED, Ok(())),
            (
                "init",
                "OpenTofu has been successfully initialized!\n",
                Ok(()),
            ),
            ("init -json", JSON_INIT, Ok(())),
            ("init", "Initializing the backend...\n", Err(NoClosingWords)),
            ("init", ERROR, Err(HiddenError)),
            ("validate", "Success! The configuration is valid.\n", Ok(())),
            (
                "validate -json",
                "{\n  \"valid\": true,\n  \"diagnostics\": []\n}\n",
                Ok(()),
            ),
            (
                "validate -json",
                "{\n  \"valid\": false,\n  \"diagnostics\": []\n}\n",
                Err(NoClosingWords),
            ),
            (
                "import a b",
                "a: Importing from ID \"b\"...\n\nImport successful!\n",
                Ok(()),
            ),
            (
                "import a b",
                "a: Importing from ID \"b\"...\n",
                Err(NoClosingWords),
            ),
            ("version", "Terraform v1.11.4\n", Ok(())),
            ("output", "a = 1\n", Ok(())),
            ("output", ERROR, Err(HiddenError)),
            ("output -raw a", "Failed to do it\n", Ok(())),
            ("show", "\nError: No state\n\nNone.\n", Err(HiddenError)),
            ("state list", ERROR, Err(HiddenError)),
            (
                "state push s",
                "Failed to persist state: no\n",
                Err(HiddenError),
            ),
            ("state rm a", "", Err(NoClosingWords)),
            ("state push s", "", Err(NoClosingWords)),
            ("state list", "", Ok(())),
            ("taint a", "", Err(NoClosingWords)),
            (
                "taint a",
                "Resource instance a has been marked as tainted.\n",
                Ok(()),
            ),
            (
                "state replace-provider a b",
                "No matching resources found.\n",
                Ok(()),
            ),
            ("refresh", "a: Refreshing state...\n", Err(NoClosingWords)),
            (
                "refresh",
                "a: Refreshing state...\n\nOutputs:\n\no = 3\n",
                Ok(()),
            ),
            ("test", "  run \"a\"... pass\n", Err(NoClosingWords)),
            ("test", "Success! 1 passed, 0 failed.\n", Ok(())),
            ("test -json", JSON_TESTED, Ok(())),
            (
                "workspace select prod",
                "Workspace \"prod\" doesn't exist.\n",
                Err(NoClosingWords),
            ),
            (
                "workspace select prod",
                "Switched to workspace \"prod\".\n",
                Ok(()),
            ),
            (
                "workspace new prod",
                "Created and switched to workspace \"prod\"!\n",
                Ok(()),
            ),
            ("workspace delete prod", "", Err(NoClosingWords)),
            (
                "workspace delete prod",
                "Deleted workspace \"prod\"!\n",
                Ok(()),
            ),
            ("workspace list", "* default\n", Ok(())),
            ("force-unlock a", "", Err(NoClosingWords)),
            (
                "force-unlock a",
                "Terraform state has been successfully unlocked!\n",
                Ok(()),
            ),
            (
                "state rm a",
                "Successfully removed 1 resource instance(s).\n",
                Ok(()),
            ),
            (
                "force-unlock a",
                "Failed to unlock state: no\n",
                Err(HiddenError),
            ),
        ] {
            assert_eq!(
                judged(line, Leader::Wrapper, 0, text),
                expected,
                "{line}: {text}"
            );
            assert_eq!(
                judged(line, Leader::Tool, 0, text),
                Ok(()),
                "{line}: {text}"
            );
        }
    }
}
