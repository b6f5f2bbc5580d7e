//! The diagnosis of any output is one line of bounded length.
#![no_main]

use arbitrary::Arbitrary;
use iac_runner::process::Ended;
use iac_runner::protocol::Tool;
use iac_runner::runner::diagnosis::{Kill, MAX_MESSAGE_CHARS, Observed, diagnose};
use libfuzzer_sys::fuzz_target;

const SIGKILL: i32 = 9;
/// All characters that end a line in Unicode.
const LINE_BREAKS: [char; 7] = [
    '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
];
const COMMANDS: [&str; 12] = [
    "init",
    "validate",
    "plan",
    "apply",
    "destroy",
    "import",
    "state",
    "force-unlock",
    "show",
    "output",
    "workspace",
    "no-such-command",
];
const ARGS: [&[&str]; 5] = [
    &[],
    &["-json", "-no-color"],
    &["-detailed-exitcode"],
    &["push", "-force", "file"],
    &["rm", "x.y"],
];

/// One byte a field, then the text, so that a recorded output is easily made into a seed.
#[derive(Arbitrary, Debug)]
struct Run<'a> {
    is_tofu: bool,
    command: u8,
    args: u8,
    /// 255 for a signal.
    exit_code: u8,
    oom_killed: bool,
    text: &'a str,
}

fuzz_target!(|run: Run<'_>| {
    let args = ARGS[usize::from(run.args) % ARGS.len()];
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    let diagnosis = diagnose(&Observed {
        tool: if run.is_tofu {
            Tool::Tofu
        } else {
            Tool::Terraform
        },
        command: COMMANDS[usize::from(run.command) % COMMANDS.len()],
        args: &args,
        ending: match run.exit_code {
            u8::MAX => Ended::Signalled(SIGKILL),
            code => Ended::Exited(code.into()),
        },
        text: run.text,
        oom: if run.oom_killed {
            Kill::InCgroup
        } else {
            Kill::NotSeen
        },
    });
    if let Some(diagnosis) = diagnosis {
        let message = diagnosis.message;
        assert!(!message.contains(LINE_BREAKS), "{message:?}");
        assert!(message.chars().count() <= MAX_MESSAGE_CHARS, "{message:?}");
    }
});
