//! Tests with output that is longer than the kept part.

use super::*;
use crate::runner::diagnosis::{LockFault, lock_fault};
use crate::runner::state_report::ToolProgress;

/// Returns output of other programs, longer than the kept part.
fn long() -> String {
    "terraform_data.a (local-exec): Error: a line that says nothing\n".repeat(8_000)
}

fn boxed(summary: &str) -> String {
    format!(
        "\u{1b}[31m╷\u{1b}[0m\n\u{1b}[31m│\u{1b}[0m \u{1b}[31mError: \u{1b}[0m{summary}\n│ \n│ no\n╵\n"
    )
}

fn plain(summary: &str) -> String {
    format!("\nError: {summary}\n\nno\n\n")
}

fn json(summary: &str) -> String {
    format!(
        r#"{{"@level":"error","@module":"tofu.ui","diagnostic":{{"severity":"error","summary":"{summary}","detail":"no"}},"type":"diagnostic"}}"#
    ) + "\n"
}

/// Checks the same text, whole and in pieces of odd sizes.
fn each_way(text: &str, mut check: impl FnMut(&Printed)) {
    for size in [text.len().max(1), 65_536, 997] {
        let mut evidence = Evidence::default();
        for piece in text.as_bytes().chunks(size) {
            evidence.push(piece);
            assert!(evidence.kept.len() <= KEPT_BYTES + SLACK_BYTES + size);
        }
        check(&evidence.printed(&[]));
    }
}

#[test]
fn fault_of_the_state_is_remembered_however_much_follows() {
    for form in [boxed, plain, json] {
        let text = format!("{}{}{}", long(), form("Failed to save state"), long());
        each_way(&text, |printed| {
            let words = ToolProgress::of(printed);
            assert!(words.is_not_written || words.is_perhaps_not_written);
        });
        let text = format!("{}{}", form("Error releasing the state lock"), long());
        each_way(&text, |printed| {
            let fault = lock_fault(printed);
            assert!(
                matches!(fault, Some(LockFault::NotReleased(_) | LockFault::Doubtful)),
                "{fault:?}"
            );
        });
    }
    for line in [
        "Failed to persist state: no\n",
        "Error saving the state: no\n",
    ] {
        each_way(&format!("{line}{}", long()), |printed| {
            assert!(ToolProgress::of(printed).is_not_written, "{line}");
        });
    }
    let line = "Two interrupts received. Exiting immediately.\n";
    each_way(&format!("\n{line}{}", long()), |printed| {
        assert!(ToolProgress::of(printed).is_abandoned);
    });
    let crash = "fatal error: all goroutines are asleep\n";
    each_way(&format!("{crash}{}", long()), |printed| {
        assert!(ToolProgress::of(printed).has_crashed);
    });
}

#[test]
fn output_of_a_provisioner_is_no_fault() {
    let words =
        boxed("Error releasing the state lock").replace('\n', "\nterraform_data.a (local-exec): ");
    let text = format!("a (local-exec): {words}{}", long());
    each_way(&text, |printed| {
        assert_eq!(lock_fault(printed), None);
        assert!(!ToolProgress::of(printed).has_error);
    });
}

#[test]
fn closing_line_counts_before_long_output_values_only() {
    let values = "  \"a value\",\n".repeat(40_000);
    let closing = "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n";
    for (text, expected) in [
        (format!("{closing}\nOutputs:\n\na = [\n{values}]\n"), true),
        (
            format!("{closing}\nOutputs:\n\na = [\n{values}]\nb: Creating...\n"),
            false,
        ),
        (format!("{closing}{values}"), false),
        (
            format!("{}{closing}\nOutputs:\n\n{values}", plain("x")),
            false,
        ),
        (format!("\nOutputs:\n\n{values}"), false),
    ] {
        each_way(&text, |printed| {
            assert_eq!(
                ToolProgress::of(printed).is_complete,
                expected,
                "{}",
                &text[..80]
            );
        });
    }
    let summary =
        r#"{"@module":"tofu.ui","changes":{"add":1,"operation":"apply"},"type":"change_summary"}"#;
    let outputs = format!(
        r#"{{"@level":"info","@message":"Outputs: 1","@module":"tofu.ui","outputs":{{"a":{{"value":"{}"}}}},"type":"outputs"}}"#,
        "x".repeat(400_000)
    );
    each_way(&format!("{summary}\n{outputs}\n"), |printed| {
        assert!(ToolProgress::of(printed).is_complete);
    });
}

#[test]
fn line_without_end_is_noticed() {
    for (text, expected) in [
        ("", false),
        ("a\n", false),
        ("a\n\u{1b}[0m", false),
        ("a\nb", true),
    ] {
        let mut evidence = Evidence::default();
        evidence.push(text.as_bytes());
        assert_eq!(evidence.printed(&[]).is_cut, expected, "{text}");
    }
}

#[test]
fn planning_is_remembered_however_much_follows() {
    for line in [
        "terraform_data.a: Creating...\n",
        "Plan: 1 to add, 0 to change, 0 to destroy.\n",
        "{\"@level\":\"info\",\"type\":\"planned_change\"}\n",
    ] {
        each_way(&format!("{line}{}", long()), |printed| {
            assert!(
                printed.earlier.has_planned || ToolProgress::of(printed).had_lock,
                "{line}"
            );
        });
    }
    each_way(&long(), |printed| assert!(!printed.earlier.has_planned));
}

#[test]
fn finished_change_is_remembered_however_much_follows() {
    for (line, expected) in [
        ("a.b: Creation complete after 0s [id=x]\n", true),
        (
            "\u{1b}[0m\u{1b}[1ma.b: Destruction complete after 1s\u{1b}[0m\n",
            true,
        ),
        ("{\"@level\":\"info\",\"type\":\"apply_complete\"}\n", true),
        ("a.b (local-exec): c.d: Creation complete after 0s\n", false),
        ("a.b: Still creating... [10s elapsed]\n", false),
        ("x \"type\":\"apply_complete\"\n", false),
    ] {
        each_way(&format!("{line}{}", long()), |printed| {
            let progress = ToolProgress::of(printed);
            assert_eq!(progress.has_finished_change, expected, "{line}");
        });
    }
}
