//! Tests of the reports on the state after ends of real runs.

use std::path::{Path, PathBuf};

use super::files::LockInfo;
use super::*;
use crate::runner::command::effect::{Effect, effect_of};

const KILLED: ToolEnd = ToolEnd::Ended(Ended::Signalled(libc::SIGKILL));
const EXITED_1: ToolEnd = ToolEnd::Ended(Ended::Exited(1));

/// The output of a tool, by path below `tests/fixtures`.
macro_rules! recorded {
    ($path:literal) => {
        include_str!(concat!("../../../tests/fixtures/", $path))
    };
}

pub(super) fn kept() -> Backend {
    Backend::Remote("http".to_owned(), Survival::Kept)
}

pub(super) fn dropped() -> Backend {
    Backend::Remote("pg".to_owned(), Survival::Dropped)
}

pub(super) fn files(backend: Backend) -> Files {
    Files {
        backend,
        ..Files::UNKNOWN
    }
}

fn locked_files() -> Files {
    Files {
        local_lock: Some(LockInfo::default()),
        ..files(Backend::Local)
    }
}

pub(super) fn args_of(line: &str) -> (&str, Vec<String>) {
    let mut words = line.split(' ');
    (words.next().unwrap(), words.map(str::to_owned).collect())
}

fn reported(line: &str, end: ToolEnd, text: &str, files: &Files) -> StateReport {
    let (command, args) = args_of(line);
    report(&ReportInput {
        command,
        args: &args,
        end,
        leader: Leader::Tool,
        started_as: Leader::Tool,
        printed: &Printed::of(text, &args),
        is_whole: true,
        files,
    })
}

#[track_caller]
fn expect(
    line: &str,
    end: ToolEnd,
    text: &str,
    files: &Files,
    (safety, lock): (StateSafety, LockStatus),
) -> StateReport {
    let report = reported(line, end, text, files);
    assert_eq!((report.safety, report.lock), (safety, lock), "{line}");
    report
}

#[test]
fn only_commands_that_write_state_have_a_report() {
    for line in [
        "apply",
        "apply plan.out",
        "destroy",
        "import a b",
        "refresh",
        "taint a",
        "untaint a",
        "state mv a b",
        "state rm a",
        "state push s",
        "state -json replace-provider a b",
        "init -migrate-state",
        "init --force-copy",
    ] {
        let (command, args) = args_of(line);
        assert_eq!(effect_of(command, &args), Effect::State, "{line}");
        let report = reported(line, ToolEnd::Ended(Ended::Exited(0)), "", &files(kept()));
        assert_eq!(report.safety, StateSafety::Saved, "{line}");
        let lock = match command {
            // Terraform does not report a lock that it could not release after a migration.
            "init" => LockStatus::Unknown,
            _ => LockStatus::Released,
        };
        assert_eq!(report.lock, lock, "{line}");
    }
    for line in [
        "plan",
        "state list",
        "state pull",
        "init",
        "init -migrate-state=false",
        "output",
        "force-unlock x",
    ] {
        let (command, args) = args_of(line);
        assert_ne!(effect_of(command, &args), Effect::State, "{line}");
    }
}

#[test]
fn one_graceful_stop_saves_and_releases() {
    for text in [
        recorded!("state/terraform/local-interrupt.txt"),
        recorded!("state/tofu/local-interrupt.txt"),
        recorded!("state/terraform/http-interrupt.txt"),
        recorded!("state/tofu/http-interrupt.txt"),
    ] {
        expect(
            "apply",
            EXITED_1,
            text,
            &files(kept()),
            (StateSafety::Saved, LockStatus::Released),
        );
    }
}

#[test]
fn a_second_interrupt_loses_what_only_the_local_backend_has_on_disk() {
    for text in [
        recorded!("state/terraform/http-two-interrupts.txt"),
        recorded!("state/tofu/http-two-interrupts.txt"),
    ] {
        expect(
            "apply",
            EXITED_1,
            text,
            &files(Backend::Local),
            (StateSafety::Partial, LockStatus::Released),
        );
        expect(
            "apply",
            EXITED_1,
            text,
            &files(kept()),
            // The tool may end without trying to release it.
            (StateSafety::Unknown, LockStatus::Unknown),
        );
    }
}

#[test]
fn a_killed_local_run_keeps_what_had_finished() {
    for text in [
        recorded!("state/terraform/local-kill.txt"),
        recorded!("state/terraform/local-kill-json.txt"),
        recorded!("state/tofu/local-kill.txt"),
        recorded!("state/tofu/local-kill-json.txt"),
    ] {
        let report = expect(
            "apply",
            KILLED,
            text,
            &locked_files(),
            (StateSafety::Partial, LockStatus::Released),
        );
        assert_eq!(report.lock_id, None);
        expect(
            "apply -lock=false",
            KILLED,
            text,
            &files(Backend::Local),
            (StateSafety::Partial, LockStatus::Released),
        );
    }
}

#[test]
fn a_kill_before_anything_is_seen_says_nothing() {
    let nothing = (StateSafety::Unknown, LockStatus::Unknown);
    expect("apply", KILLED, "", &files(kept()), nothing);
    expect("apply", KILLED, "", &files(Backend::Unknown), nothing);
    expect(
        "state mv a b",
        KILLED,
        "",
        &locked_files(),
        (StateSafety::Partial, LockStatus::Released),
    );
    expect(
        "apply",
        KILLED,
        "",
        &files(Backend::Local),
        (StateSafety::Unknown, LockStatus::Released),
    );
}

#[test]
fn a_killed_remote_run_leaves_its_lock_where_locks_outlive_their_holder() {
    for text in [
        recorded!("state/terraform/http-kill.txt"),
        recorded!("state/tofu/http-kill.txt"),
    ] {
        expect(
            "apply",
            KILLED,
            text,
            &files(kept()),
            (StateSafety::Unknown, LockStatus::Held),
        );
        expect(
            "apply -lock=false",
            KILLED,
            text,
            &files(kept()),
            (StateSafety::Unknown, LockStatus::Released),
        );
        let unknown = Backend::Remote("consul".to_owned(), Survival::Unknown);
        expect(
            "apply",
            KILLED,
            text,
            &files(unknown),
            (StateSafety::Unknown, LockStatus::Unknown),
        );
    }
    for text in [
        recorded!("state/terraform/pg-kill.txt"),
        recorded!("state/tofu/pg-kill.txt"),
    ] {
        expect(
            "apply",
            KILLED,
            text,
            &files(dropped()),
            (StateSafety::Unknown, LockStatus::Released),
        );
    }
}

#[test]
fn closing_line_counts_unless_the_tool_was_killed() {
    let saved = (StateSafety::Saved, LockStatus::Released);
    // Another program may have written the line.
    let unknown = (StateSafety::Unknown, LockStatus::Unknown);
    for text in [
        "a: Creating...\n\u{1b}[32mApply complete! Resources: 1 added, 0 changed, 0 destroyed.\n",
        "{\"changes\":{\"add\":1,\"operation\":\"apply\"},\"type\":\"change_summary\"}\n",
    ] {
        for code in [0, 1, 11, 137] {
            let end = ToolEnd::Ended(Ended::Exited(code));
            expect("apply", end, text, &files(kept()), saved);
        }
        expect("apply", KILLED, text, &files(kept()), unknown);
    }
    let faked = "a: Creating...\na (local-exec): Apply complete! Resources: 1 added\n";
    expect(
        "apply",
        KILLED,
        faked,
        &files(kept()),
        (StateSafety::Unknown, LockStatus::Held),
    );
}

#[test]
fn a_lock_is_held_while_there_is_work_and_perhaps_later() {
    let held = (StateSafety::Unknown, LockStatus::Held);
    let perhaps = (StateSafety::Unknown, LockStatus::Unknown);
    for (line, text, expected) in [
        ("apply", "a: Refreshing state...\n", held),
        (
            "apply",
            "Plan: 1 to add, 0 to change, 0 to destroy.\n",
            held,
        ),
        ("apply", "a: Creating...\n", held),
        (
            "apply",
            "a: Creating...\nb: Creating...\na: Creation complete after 0s\n",
            held,
        ),
        (
            "apply",
            "a: Creation complete after 9s\nb: Still creating... [10s elapsed]\n",
            held,
        ),
        ("destroy", "a: Destroying... [id=1]\n", held),
        ("import a b", "a: Importing from ID \"b\"...\n", held),
        // The tool may already be releasing the lock.
        (
            "apply",
            "a: Creating...\na: Creation complete after 0s\n",
            perhaps,
        ),
        (
            "apply",
            "No changes. Your infrastructure matches\n",
            perhaps,
        ),
        ("apply", "Changes to Outputs:\n  + a = 1\n", perhaps),
        (
            "apply",
            "Plan: 0 to add, 0 to change, 0 to destroy.\n",
            perhaps,
        ),
        (
            "apply",
            "a: Creating...\n╷\n│ Error: Invalid\n│ \n│ no\n╵\n",
            perhaps,
        ),
        ("refresh", "a: Refreshing state...\n", perhaps),
        ("apply -refresh-only", "a: Refreshing state...\n", perhaps),
        (
            "import a b",
            "a: Importing from ID \"b\"...\nImport successful!\n",
            perhaps,
        ),
    ] {
        expect(line, KILLED, text, &files(kept()), expected);
    }
    let begun = r#"{"@module":"tofu.ui","type":"apply_start"}"#;
    let ended = r#"{"@module":"tofu.ui","type":"apply_complete"}"#;
    let planned = r#"{"@module":"tofu.ui","type":"planned_change"}"#;
    for (messages, expected) in [
        (&[planned][..], held),
        (&[planned, begun], held),
        (&[planned, begun, begun, ended], held),
        (&[planned, begun, ended], perhaps),
    ] {
        let text = messages.join("\n") + "\n";
        expect("apply -json", KILLED, &text, &files(kept()), expected);
    }
}

#[test]
fn a_local_state_that_is_not_there_is_not_saved() {
    let absent = Files {
        is_state_absent: true,
        ..files(Backend::Local)
    };
    let complete = "a: Creating...\n\nApply complete! Resources: 1 added.\n";
    let nothing_done = "\nApply complete! Resources: 0 added.\n";
    for (text, safety) in [
        (complete, StateSafety::Unknown),
        (nothing_done, StateSafety::Saved),
    ] {
        let ended = ToolEnd::Ended(Ended::Exited(0));
        expect(
            "apply",
            ended,
            text,
            &absent,
            (safety, LockStatus::Released),
        );
    }
}

#[test]
fn any_signal_and_any_crash_counts_as_a_kill() {
    let text = recorded!("state/tofu/http-kill.txt");
    let crash = format!("{text}\nfatal error: runtime: out of memory\n");
    let held = (StateSafety::Unknown, LockStatus::Held);
    for (end, text) in [
        (Ended::Signalled(libc::SIGPIPE), text),
        (Ended::Signalled(libc::SIGHUP), text),
        (Ended::Exited(2), &*crash),
        (Ended::Exited(11), text),
    ] {
        expect("apply", ToolEnd::Ended(end), text, &files(kept()), held);
    }
}

#[test]
fn refused_write_is_in_errored_tfstate_or_unknown() {
    let errored = Files {
        errored_state_file: Some(PathBuf::from("/w/errored.tfstate")),
        ..files(kept())
    };
    for text in [
        recorded!("diagnosis/terraform/state_write_failed-http.txt"),
        recorded!("diagnosis/terraform/state_write_failed-http-json.txt"),
        recorded!("diagnosis/tofu/state_write_failed-http-plain.txt"),
    ] {
        let report = expect(
            "apply",
            EXITED_1,
            text,
            &errored,
            (StateSafety::ErroredFile, LockStatus::Released),
        );
        assert_eq!(
            report.errored_state_file.as_deref(),
            Some(Path::new("/w/errored.tfstate"))
        );
        expect(
            "apply",
            EXITED_1,
            text,
            &files(kept()),
            (StateSafety::Unknown, LockStatus::Released),
        );
    }
    for text in [
        recorded!("diagnosis/terraform/state_write_failed-full_disk.txt"),
        recorded!("diagnosis/tofu/state_write_failed-full_disk.txt"),
    ] {
        expect(
            "apply",
            EXITED_1,
            text,
            &files(Backend::Local),
            (StateSafety::Unknown, LockStatus::Released),
        );
    }
}

#[test]
fn lock_that_was_not_released_is_held_with_any_exit_code() {
    for text in [
        recorded!("diagnosis/terraform/state_lock_release_failed-http.txt"),
        recorded!("diagnosis/terraform/state_lock_release_failed-http-json.txt"),
        recorded!("diagnosis/tofu/state_lock_release_failed-taint.txt"),
    ] {
        for end in [EXITED_1, ToolEnd::Ended(Ended::Exited(0))] {
            expect(
                "apply",
                end,
                text,
                &files(kept()),
                (StateSafety::Saved, LockStatus::Held),
            );
        }
    }
}

#[test]
fn lock_of_another_run_is_held_and_named() {
    let held = (StateSafety::Saved, LockStatus::Held);
    for text in [
        recorded!("diagnosis/terraform/state_locked-http.txt"),
        recorded!("diagnosis/tofu/state_locked-http-json.txt"),
    ] {
        let report = expect("apply", EXITED_1, text, &files(kept()), held);
        assert_eq!(
            report.lock_id.as_deref(),
            Some("6f1a2c3d-0000-4000-8000-00000000beef")
        );
    }
    let local = recorded!("diagnosis/tofu/state_locked-local-apply.txt");
    assert!(
        expect("apply", EXITED_1, local, &files(Backend::Local), held)
            .lock_id
            .is_some()
    );
    let pg = recorded!("diagnosis/tofu/state_locked-pg.txt");
    assert_eq!(
        expect("apply", EXITED_1, pg, &files(dropped()), held).lock_id,
        None
    );
    let refused = recorded!("diagnosis/tofu/backend_auth-http-forbidden.txt");
    expect(
        "apply",
        EXITED_1,
        refused,
        &files(kept()),
        (StateSafety::Saved, LockStatus::Unknown),
    );
}

#[test]
fn a_lost_supervisor_leaves_only_what_the_disk_shows() {
    let text = recorded!("state/tofu/local-kill.txt");
    expect(
        "apply",
        ToolEnd::Lost,
        text,
        &locked_files(),
        (StateSafety::Unknown, LockStatus::Unknown),
    );
    let errored = Files {
        errored_state_file: Some(PathBuf::from("errored.tfstate")),
        ..files(kept())
    };
    expect(
        "apply",
        ToolEnd::Lost,
        text,
        &errored,
        (StateSafety::ErroredFile, LockStatus::Unknown),
    );
}

#[test]
fn failed_release_before_planning_is_not_told_by_the_tool() {
    use LockStatus::{Released, Unknown};
    let fault = "\nError: No value for required variable\n\n  on main.tf line 1:\n\nno\n";
    let not_initialized =
        "\nError: Backend initialization required, please run \"terraform init\"\n\nReason: x\n";
    let planned = format!("a.b: Refreshing state... [id=x]\n{fault}");
    let json = r#"{"@level":"error","@message":"Error: No value","@module":"terraform.ui","type":"diagnostic","diagnostic":{"severity":"error","summary":"No value","detail":""}}"#;
    let table = [
        ("apply", kept(), fault, Unknown),
        ("apply -json", kept(), json, Unknown),
        ("apply plan.out", kept(), fault, Unknown),
        ("destroy", kept(), fault, Unknown),
        ("refresh", kept(), fault, Unknown),
        ("import a b", kept(), fault, Unknown),
        ("apply -lock=false", kept(), fault, Released),
        ("apply", Backend::Unknown, fault, Unknown),
        ("apply", Backend::Unknown, not_initialized, Released),
        ("apply", dropped(), fault, Released),
        ("apply", Backend::Local, fault, Released),
        ("apply", kept(), &planned, Released),
        // These tell of a lock that they could not release.
        ("state rm a", kept(), fault, Released),
        ("taint a", kept(), fault, Released),
    ];
    for (line, backend, text, lock) in table {
        let report = reported(line, EXITED_1, text, &files(backend));
        assert_eq!(
            (report.safety, report.lock),
            (StateSafety::Saved, lock),
            "{line}"
        );
    }
}

#[test]
fn lock_that_a_killed_tool_waited_for_may_be_held_by_another() {
    let waiting = "Acquiring state lock. This may take a few moments...\n";
    let unknown = (StateSafety::Unknown, LockStatus::Unknown);
    expect("apply", KILLED, waiting, &files(Backend::Local), unknown);
    let json = r#"{"@level":"info","@message":"Acquiring state lock","@module":"terraform.ui","type":"state_lock_acquire"}"#;
    expect("apply -json", KILLED, json, &files(Backend::Local), unknown);
    let working = format!("{waiting}a.b: Creating...\n");
    let partial = (StateSafety::Partial, LockStatus::Released);
    expect("apply", KILLED, &working, &files(Backend::Local), partial);
    let off = (StateSafety::Unknown, LockStatus::Released);
    expect(
        "apply -lock=false",
        KILLED,
        waiting,
        &files(Backend::Local),
        off,
    );
}

#[test]
fn damaged_local_state_is_neither_saved_nor_partial() {
    let damaged = Files {
        damaged_state: Some(DamagedState {
            path: "terraform.tfstate".into(),
            backup: None,
        }),
        ..locked_files()
    };
    let text = recorded!("state/terraform/local-kill.txt");
    for (end, text) in [(KILLED, text), (EXITED_1, text), (EXITED_1, "")] {
        let report = reported("apply", end, text, &damaged);
        assert_eq!(report.safety, StateSafety::Unknown, "{end:?} {text}");
    }
}

#[test]
fn finished_change_without_a_written_state_may_be_lost() {
    let unwritten = Files {
        is_state_unwritten: true,
        ..locked_files()
    };
    let started = "terraform_data.a: Creating...\n";
    let finished = "terraform_data.a: Creation complete after 0s [id=1]\n";
    let both = format!("{started}{finished}");
    let released = LockStatus::Released;
    for (text, safety) in [
        (started, StateSafety::Partial),
        (both.as_str(), StateSafety::Unknown),
    ] {
        expect("apply", KILLED, text, &unwritten, (safety, released));
    }
    let partial = (StateSafety::Partial, released);
    expect("apply", KILLED, &both, &locked_files(), partial);
    let closed = format!("{both}\nApply complete! Resources: 1 added, 0 changed, 0 destroyed.\n");
    let done = ToolEnd::Ended(Ended::Exited(0));
    for (files, safety) in [
        (&unwritten, StateSafety::Unknown),
        (&locked_files(), StateSafety::Saved),
    ] {
        expect("apply", done, &closed, files, (safety, released));
    }
}

#[test]
fn state_in_memory_ends_with_the_tool() {
    let closed = "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n";
    let in_memory = files(Backend::Remote("inmem".to_owned(), Survival::Unknown));
    let done = ToolEnd::Ended(Ended::Exited(0));
    let report = reported("apply", done, closed, &in_memory);
    assert_eq!(report.safety, StateSafety::Unknown);
}

#[test]
fn failure_without_an_error_does_not_prove_that_the_state_is_saved() {
    let begun = "terraform_data.a: Creating...\n";
    let error = "\nError: local-exec provisioner error\n\nfailed\n";
    let local = files(Backend::Local);
    let unknown = reported("apply", EXITED_1, begun, &local);
    assert_eq!(unknown.safety, StateSafety::Unknown);
    let saved = reported("apply", EXITED_1, &format!("{begun}{error}"), &local);
    assert_eq!(saved.safety, StateSafety::Saved);
    // Refused before anything was changed.
    let refused = reported("state rm x", EXITED_1, "No such thing\n", &local);
    assert_eq!(refused.safety, StateSafety::Saved);
}

#[test]
fn plan_reports_only_a_lock_that_it_may_have_left() {
    let left = |end, text: &str, files: &Files| {
        let (_, args) = args_of("plan");
        report_lock(&ReportInput {
            command: "plan",
            args: &args,
            end,
            leader: Leader::Tool,
            started_as: Leader::Tool,
            printed: &Printed::of(text, &args),
            is_whole: true,
            files,
        })
        .map(|report| (report.safety, report.lock))
    };
    let refreshing = "terraform_data.a: Refreshing state... [id=1]\n";
    let unlock = |error: &str| {
        format!(
            "{refreshing}\nError: Error releasing the state lock\n\nError message: {error}\n\nTerraform acquires a \
             state lock\n"
        )
    };
    let lock = |error: &str| {
        format!("\nError: Error acquiring the state lock\n\nError message: {error}\n")
    };
    let saved = |lock| Some((StateSafety::Saved, lock));
    let (held, unknown) = (saved(LockStatus::Held), saved(LockStatus::Unknown));
    let table = [
        (Ended::Exited(0), "No changes. \n".to_owned(), None),
        (
            Ended::Exited(1),
            format!("{refreshing}\nError: Invalid index\n\nx\n"),
            None,
        ),
        (Ended::Signalled(9), refreshing.to_owned(), held),
        (Ended::Signalled(9), String::new(), unknown),
        (Ended::Exited(1), unlock("HTTP error: 500"), held),
        (
            Ended::Exited(1),
            unlock("Unexpected HTTP response code 403"),
            held,
        ),
        (
            Ended::Exited(1),
            unlock("Unexpected HTTP response code 409"),
            unknown,
        ),
        (
            Ended::Exited(1),
            unlock("Unexpected HTTP response code 204"),
            unknown,
        ),
        (
            Ended::Exited(1),
            unlock("Unlock \"http://h\": EOF"),
            unknown,
        ),
        (
            Ended::Exited(1),
            unlock("net/http: HTTP/1.x transport connection broken: malformed HTTP status code"),
            unknown,
        ),
        (Ended::Exited(1), lock("Lock \"http://h\": EOF"), unknown),
        (Ended::Exited(1), lock("connection refused"), None),
        (
            Ended::Exited(1),
            lock("HTTP remote state already locked: ID=1"),
            None,
        ),
        (
            Ended::Exited(1),
            lock(
                "HTTP remote state already locked: ID=1\nLock Info:\n  ID:        2\n  Who:       me",
            ),
            None,
        ),
        // The lock is that of this run.
        (
            Ended::Exited(1),
            lock(
                "HTTP remote state already locked: ID=1\nLock Info:\n  ID:        1\n  Who:       me",
            ),
            held,
        ),
    ];
    for (end, text, expected) in table {
        let end = ToolEnd::Ended(end);
        assert_eq!(left(end, &text, &files(kept())), expected, "{text}");
        let local = left(end, &text, &files(Backend::Local));
        assert!(local.is_none() || local == expected, "{text}");
    }
}
