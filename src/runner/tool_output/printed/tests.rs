//! Tests with recorded output that quotes text of others.

use crate::process::Ended;
use crate::protocol::{DiagnosisClass, LockStatus, StateSafety, Tool};
use crate::runner::command::leader::Leader;
use crate::runner::diagnosis::{self, diagnose};
use crate::runner::result::oom::Kill;
use crate::runner::state_report::{self, Backend, Files, Survival, ToolEnd, report};

use super::Printed;
use super::own::is_streamed;

/// The lock id in the quoted text.
const QUOTED_ID: &str = "11111111-2222-3333-4444-555555555555";
/// The lock id that the nested run reports.
const NESTED_ID: &str = "6f1a2c3d-0000-4000-8000-00000000beef";

/// The expected analysis of a recorded output.
#[derive(Clone, Copy)]
struct Expected {
    code: i32,
    class: Option<DiagnosisClass>,
    safety: StateSafety,
    lock: LockStatus,
}

const PROVISIONER_FAILED: Expected = Expected {
    code: 1,
    class: Some(DiagnosisClass::ProviderError),
    safety: StateSafety::Saved,
    lock: LockStatus::Released,
};
const CONDITION_FAILED: Expected = Expected {
    class: Some(DiagnosisClass::Other),
    ..PROVISIONER_FAILED
};
const SUCCEEDED: Expected = Expected {
    code: 0,
    class: None,
    ..PROVISIONER_FAILED
};
const NOT_WRITTEN: Expected = Expected {
    class: Some(DiagnosisClass::StateWriteFailed),
    safety: StateSafety::Unknown,
    ..PROVISIONER_FAILED
};
const NOT_RELEASED: Expected = Expected {
    class: Some(DiagnosisClass::StateLockReleaseFailed),
    lock: LockStatus::Held,
    ..PROVISIONER_FAILED
};

/// Recorded outputs of both tools: `NAME => EXPECTED`.
macro_rules! recorded {
    ($($name:literal => $expected:expr;)*) => {
        [$(
            (
                Tool::Terraform,
                $name,
                include_str!(concat!("../../../../tests/fixtures/diagnosis/terraform/", $name, ".txt")),
                $expected,
            ),
            (
                Tool::Tofu,
                $name,
                include_str!(concat!("../../../../tests/fixtures/diagnosis/tofu/", $name, ".txt")),
                $expected,
            ),
        )*]
    };
}

#[test]
fn quoted_words_are_not_the_tools_own() {
    let rows = recorded! {
        "quoted-nested_locked" => PROVISIONER_FAILED;
        "quoted-nested_locked-plain" => PROVISIONER_FAILED;
        "quoted-nested_locked-json" => PROVISIONER_FAILED;
        "quoted-words" => PROVISIONER_FAILED;
        "quoted-words-plain" => PROVISIONER_FAILED;
        "quoted-words-json" => PROVISIONER_FAILED;
        "quoted-words_twice-plain" => PROVISIONER_FAILED;
        "quoted-words_suppressed" => PROVISIONER_FAILED;
        "quoted-words_suppressed-plain" => PROVISIONER_FAILED;
        "quoted-words_suppressed-json" => PROVISIONER_FAILED;
        "quoted-words_and_no_write" => NOT_WRITTEN;
        "quoted-words_and_no_write-plain" => NOT_WRITTEN;
        "quoted-words_and_no_write-json" => NOT_WRITTEN;
        "quoted-words_and_no_unlock" => NOT_RELEASED;
        "quoted-words_and_no_unlock-plain" => NOT_RELEASED;
        "quoted-words_and_no_unlock-json" => NOT_RELEASED;
        "quoted-long-plain" => PROVISIONER_FAILED;
        "quoted-outputs" => SUCCEEDED;
        "quoted-outputs-plain" => SUCCEEDED;
        "quoted-outputs-json" => SUCCEEDED;
        "quoted-postcondition" => CONDITION_FAILED;
        "quoted-postcondition-plain" => CONDITION_FAILED;
        "quoted-postcondition-json" => CONDITION_FAILED;
        "quoted-check" => SUCCEEDED;
        "quoted-check-plain" => SUCCEEDED;
        "quoted-check-json" => SUCCEEDED;
    };
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(tool, name, text, expected)| {
            let fault = fault_of_row(*tool, name, text, *expected)?;
            Some(format!("{tool} {name}: {fault}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fault_of_row(tool: Tool, name: &str, text: &str, expected: Expected) -> Option<String> {
    let args: Vec<String> = if name.ends_with("-json") {
        vec!["-json".to_owned()]
    } else {
        Vec::new()
    };
    let diagnosis = diagnose(&diagnosis::DiagnosisInput {
        tool,
        command: "apply",
        args: &args,
        ending: Ended::Exited(expected.code),
        text,
        oom: Kill::NotSeen,
    });
    if diagnosis.as_ref().map(|it| it.class) != expected.class {
        return Some(format!("{diagnosis:?}"));
    }
    let message = diagnosis.map(|it| it.message).unwrap_or_default();
    let quoted = [QUOTED_ID, NESTED_ID, "Lock Info"];
    let is_of_core = expected.lock == LockStatus::Held || expected.safety == StateSafety::Unknown;
    if !is_of_core && quoted.iter().any(|words| message.contains(words)) {
        return Some(message);
    }
    let end = ToolEnd::Ended(Ended::Exited(expected.code));
    let told = state(&args, end, text);
    let is_right =
        told.safety == expected.safety && told.lock == expected.lock && told.lock_id.is_none();
    if !is_right {
        return Some(format!("{told:?}"));
    }
    // Killed while it may or may not have released the lock: no word says that it did.
    let killed = state(&args, ToolEnd::Ended(Ended::Signalled(libc::SIGKILL)), text);
    let is_honest = match expected.lock {
        LockStatus::Held => killed.lock == LockStatus::Held,
        LockStatus::Released | LockStatus::Unknown => {
            expected.code == 0 || killed.lock == LockStatus::Unknown
        }
    };
    (!is_honest).then(|| format!("killed: {killed:?}"))
}

fn state(args: &[String], end: ToolEnd, text: &str) -> crate::protocol::StateReport {
    report(&state_report::ReportInput {
        command: "apply",
        args,
        end,
        leader: Leader::Tool,
        started_as: Leader::Tool,
        printed: &Printed::of(text, args),
        is_whole: true,
        files: &Files {
            backend: Backend::Remote("http".to_owned(), Survival::Kept),
            ..Files::UNKNOWN
        },
    })
}

#[test]
fn lines_of_a_provisioner_are_known_by_their_prefix() {
    for (line, expected) in [
        ("terraform_data.a (local-exec): Error: x", true),
        ("module.m[\"x\"].null_resource.b[0] (remote-exec):", true),
        ("terraform_data.a: Creating...", false),
        ("terraform_data.a: Refreshing state... [id=b (x): c]", false),
        ("Error: x (y): z", false),
        (
            "Acquiring state lock. This may take a few moments...",
            false,
        ),
        (" (): x", false),
    ] {
        assert_eq!(is_streamed(line), expected, "{line}");
    }
}

#[test]
fn an_open_escape_sequence_hides_no_other_line() {
    let text =
        "a (local-exec): \u{1b}]0;open\n╷\n│ Error: Error releasing the state lock\n│ \n│ no\n╵\n";
    let told = state(&[], ToolEnd::Ended(Ended::Exited(1)), text);
    assert_eq!(told.lock, LockStatus::Held);
}

#[test]
fn a_box_that_is_cut_off_or_quoted_in_a_plain_block_is_no_error() {
    for text in [
        "│ Error: Error releasing the state lock\n│ \n│ no\n╵\n",
        "\nError: x\n\n  with a.b,\n  on main.tf line 1:\n\n╷\n│ Error: Error releasing the state lock\n│ \n╵\n",
    ] {
        let text = format!("a.b: Creating...\n{text}");
        let told = state(&[], ToolEnd::Ended(Ended::Exited(1)), &text);
        assert_ne!(told.lock, LockStatus::Held, "{text}");
    }
}

#[test]
fn an_error_that_may_be_quoted_leaves_the_lock_unknown() {
    let text = "a.b: Creating...\n\nError: from the provider\n\n  with a.b,\n  on main.tf line 1:\n\nnested:\n\n\
                Error: Error releasing the state lock\n\nError message: no\n";
    let told = state(&[], ToolEnd::Ended(Ended::Exited(1)), text);
    assert_eq!(told.lock, LockStatus::Unknown);
    assert_eq!(told.safety, StateSafety::Saved);
    assert_eq!(told.lock_id, None);
}

#[test]
fn boxes_on_the_cli_configuration_do_not_set_the_form() {
    let text = "There are some problems with the CLI configuration:\n╷\n│ Warning: Unable to open CLI \
                configuration file\n│\n│ It does not exist.\n╵\n\n\nError: Error acquiring the state lock\n\n\
                Error message: state is already locked\nLock Info:\n  ID:        abc\n  Who:       a@b\n";
    let told = state(&[], ToolEnd::Ended(Ended::Exited(1)), text);
    assert_eq!(told.lock, LockStatus::Held);
    assert_eq!(told.lock_id.as_deref(), Some("abc"));
}
