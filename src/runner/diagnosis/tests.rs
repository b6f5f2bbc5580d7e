//! Cases that the recorded errors do not cover.

use proptest::prelude::*;

use super::*;
use DiagnosisClass as Class;

/// Splits a line into command and arguments.
pub(super) fn split(line: &str) -> (String, Vec<String>) {
    let mut words = line.split(' ').map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

fn diagnosed(line: &str, ending: Ended, text: &str, oom_killed: bool) -> Option<Diagnosis> {
    let (command, args) = split(line);
    diagnose(&DiagnosisInput {
        tool: Tool::Tofu,
        command: &command,
        args: &args,
        ending,
        text,
        oom: if oom_killed {
            Kill::InCgroup
        } else {
            Kill::NotSeen
        },
    })
}

#[test]
fn a_lock_message_has_the_id_that_the_tool_printed() {
    let text =
        include_str!("../../../tests/fixtures/diagnosis/terraform/state_locked-local-plain.txt");
    let id = text
        .split("ID:")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let message = diagnosed("plan", Ended::Exited(1), text, false)
        .unwrap()
        .message;
    assert!(message.contains(&format!("(lock id {id},")), "{message}");
}

#[test]
fn changes_found_are_no_fault() {
    let text = include_str!("../../../tests/fixtures/diagnosis/terraform/none-plan_changes.txt");
    for line in [
        "plan -detailed-exitcode",
        "plan --detailed-exitcode",
        "plan -detailed-exitcode=true -json",
    ] {
        assert_eq!(
            diagnosed(line, Ended::Exited(2), text, false),
            None,
            "{line}"
        );
    }
    for line in [
        "plan",
        "plan -detailed-exitcode=false",
        "apply -detailed-exitcode",
    ] {
        assert!(
            diagnosed(line, Ended::Exited(2), text, false).is_some(),
            "{line}"
        );
    }
}

#[test]
fn success_has_no_diagnosis() {
    let text =
        include_str!("../../../tests/fixtures/diagnosis/tofu/state_lock_release_failed-taint.txt");
    assert_eq!(diagnosed("taint a", Ended::Exited(0), text, false), None);
}

#[test]
fn a_signal_is_named() {
    let killed = diagnosed("apply", Ended::Signalled(libc::SIGKILL), "", true).unwrap();
    assert_eq!(killed.class, Class::OutOfMemory);
    let piped = diagnosed("plan", Ended::Signalled(libc::SIGPIPE), "", true).unwrap();
    assert_eq!(piped.class, Class::Other);
    assert_eq!(
        piped.message,
        "tofu was ended by SIGPIPE, which the runner did not send"
    );
    assert!(!piped.retryable);
}

#[test]
fn a_kill_that_was_seen_on_the_machine_only_is_a_maybe() {
    let killed = diagnose(&DiagnosisInput {
        tool: Tool::Tofu,
        command: "apply",
        args: &[],
        ending: Ended::Signalled(libc::SIGKILL),
        text: "",
        oom: Kill::OnMachine,
    });
    let killed = killed.unwrap();
    assert_eq!(killed.class, Class::Other);
    assert!(killed.message.contains("may be why"), "{}", killed.message);
}

#[test]
fn what_a_script_prints_is_not_taken_for_the_tools_words() {
    let text = include_str!("../../../tests/fixtures/diagnosis/tofu/provider_error-local_exec.txt");
    let text = text.replace(
        "Output: boom",
        "Output: Error: Module not found, access denied",
    );
    let diagnosis = diagnosed("apply", Ended::Exited(1), &text, false).unwrap();
    assert_eq!(diagnosis.class, Class::ProviderError);
}

#[test]
fn a_state_at_stake_is_told_before_what_a_resource_ran_into() {
    let failed =
        include_str!("../../../tests/fixtures/diagnosis/tofu/provider_error-local_exec.txt");
    let lost = include_str!("../../../tests/fixtures/diagnosis/tofu/state_write_failed-http.txt");
    let text = format!("{failed}{lost}");
    let diagnosis = diagnosed("apply", Ended::Exited(1), &text, false).unwrap();
    assert_eq!(diagnosis.class, Class::StateWriteFailed);
}

#[test]
fn a_plugin_that_the_kernel_killed_means_that_memory_ran_out() {
    let text =
        include_str!("../../../tests/fixtures/diagnosis/reported/provider_error-plugin_crash.txt");
    let diagnosis = diagnosed("apply", Ended::Exited(1), text, true).unwrap();
    assert_eq!(diagnosis.class, Class::OutOfMemory);
    assert!(
        diagnosis.message.contains("Plugin did not respond"),
        "{}",
        diagnosis.message
    );
}

#[test]
fn silence_is_said() {
    let diagnosis = diagnosed("fmt -check", Ended::Exited(3), " \n", false).unwrap();
    assert_eq!(
        diagnosis.message,
        "tofu fmt exited with 3 and printed no error"
    );
}

#[test]
fn a_command_that_may_change_something_is_never_retried() {
    let text = include_str!("../../../tests/fixtures/diagnosis/tofu/provider_install-down.txt");
    for line in [
        "apply",
        "destroy",
        "import a b",
        "refresh",
        "state mv a b",
        "state rm a",
        "state push s",
        "state replace-provider a b",
        "state",
        "taint a",
        "untaint a",
        "force-unlock x",
        "workspace new a",
        "workspace delete a",
        "login",
        "logout",
        "console",
        "test",
        "init -migrate-state",
        "init --force-copy",
        "init -from-module=x",
        "fmt",
        "fmt -check=false",
        "providers lock",
        "providers mirror d",
        "unknown",
    ] {
        assert!(
            !diagnosed(line, Ended::Exited(1), text, false)
                .unwrap()
                .retryable,
            "{line}"
        );
    }
    for line in [
        "plan",
        "validate",
        "show",
        "output",
        "version",
        "fmt -check",
        "providers",
        "providers schema -json",
        "graph",
        "state list",
        "state show a",
        "state pull",
        "get",
        "init",
        "init -migrate-state=false",
    ] {
        assert!(
            diagnosed(line, Ended::Exited(1), text, false)
                .unwrap()
                .retryable,
            "{line}"
        );
    }
}

#[test]
fn a_locked_state_is_worth_another_try_for_plan_only() {
    let text = include_str!("../../../tests/fixtures/diagnosis/tofu/state_locked-local.txt");
    assert!(
        diagnosed("plan", Ended::Exited(1), text, false)
            .unwrap()
            .retryable
    );
    assert!(
        !diagnosed("state list", Ended::Exited(1), text, false)
            .unwrap()
            .retryable
    );
}

#[test]
fn a_long_detail_is_cut_at_a_character() {
    let text = format!("Error: x\n\n{}\n", "é ".repeat(2000));
    let message = diagnosed("plan", Ended::Exited(1), &text, false)
        .unwrap()
        .message;
    assert!(message.chars().count() <= MAX_MESSAGE_CHARS);
    assert!(message.ends_with('…'));
}

proptest! {
    #[test]
    fn nothing_that_a_tool_prints_makes_it_panic(
        text in "(?s)(.|\\PC*|\n|│ |╷\n|Error: |Error: Error acquiring the state lock\n|Lock Info:\n|  ID: |  on |  with |\\{\n|\n\\}|\u{1b}\\[31m|\\{\"diagnostic\":\\{\"severity\":\"error\"|\\}){0,40}",
        oom_killed: bool,
    ) {
        let diagnosis = diagnosed("plan -json", Ended::Exited(1), &text, oom_killed).unwrap();
        prop_assert!(!diagnosis.message.contains('\n'));
        prop_assert!(diagnosis.message.chars().count() <= MAX_MESSAGE_CHARS);
    }
}
