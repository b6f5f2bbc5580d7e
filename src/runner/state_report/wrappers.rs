//! Tests of reports after the end of a wrapper in the tool's place, and after exit codes of a shell.

use LockStatus::{Held, Released, Unknown};
use StateSafety::Saved;

use super::tests::{args_of, dropped, files, kept};
use super::*;

/// The output of a tool, by path below `tests/fixtures`.
macro_rules! recorded {
    ($path:literal) => {
        include_str!(concat!("../../../tests/fixtures/", $path))
    };
}

fn told(leader: Leader, code: i32, line: &str, text: &str, backend: Backend) -> StateReport {
    let (command, args) = args_of(line);
    report(&ReportInput {
        command,
        args: &args,
        end: ToolEnd::Ended(Ended::Exited(code)),
        leader,
        started_as: leader,
        printed: &Printed::of(text, &args),
        is_whole: true,
        files: &files(backend),
    })
}

#[test]
fn exit_code_of_a_wrapper_vouches_for_nothing() {
    let killed = recorded!("state/tofu/http-kill.txt");
    let interrupted = recorded!("state/terraform/http-interrupt.txt");
    let abandoned = recorded!("state/terraform/http-two-interrupts.txt");
    let refused = recorded!("diagnosis/tofu/state_write_failed-http.txt");
    let kept_lock = recorded!("diagnosis/tofu/state_lock_release_failed-http.txt");
    let locked = recorded!("diagnosis/terraform/state_locked-http.txt");
    let complete = "a: Creating...\n\nApply complete! Resources: 1 added.\n";
    let twice = format!("{complete}\nOutputs:\n\nx = 1\nb: Creating...\n");
    let unsaved = StateSafety::Unknown;
    for code in [0, 1, 130, 143] {
        for (line, text, backend, safety, lock) in [
            ("apply", killed, kept(), unsaved, Unknown),
            ("apply", killed, Backend::Local, unsaved, Released),
            ("apply", killed, dropped(), unsaved, Released),
            ("apply -lock=false", killed, kept(), unsaved, Released),
            ("apply", "", kept(), unsaved, Unknown),
            // Errors are printed once the state is written, before the lock is released.
            ("apply", interrupted, kept(), Saved, Unknown),
            ("apply", interrupted, Backend::Local, Saved, Released),
            ("apply", abandoned, kept(), unsaved, Unknown),
            ("apply", refused, kept(), unsaved, Unknown),
            ("apply", kept_lock, kept(), Saved, Held),
            ("apply", locked, kept(), Saved, Held),
            ("apply", complete, kept(), Saved, Released),
            ("apply", &twice, kept(), unsaved, Unknown),
            (
                "state mv a b",
                "Successfully moved 1 object(s).\n",
                kept(),
                Saved,
                Unknown,
            ),
        ] {
            let told = told(Leader::Wrapper, code, line, text, backend);
            assert_eq!(
                (told.safety, told.lock),
                (safety, lock),
                "{code} {line} {text}"
            );
        }
    }
}

#[test]
fn exit_code_above_128_is_an_abrupt_end() {
    let text = recorded!("state/tofu/http-kill.txt");
    for (code, safety, lock) in [
        // A tool that fails says why.
        (1, StateSafety::Unknown, Unknown),
        (128, StateSafety::Unknown, Unknown),
        (129, StateSafety::Unknown, Held),
        (137, StateSafety::Unknown, Held),
        (255, StateSafety::Unknown, Held),
    ] {
        let told = told(Leader::Tool, code, "apply", text, kept());
        assert_eq!((told.safety, told.lock), (safety, lock), "{code}");
    }
}
