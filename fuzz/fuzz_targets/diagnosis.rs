//! Whatever a tool prints, its diagnosis is one bounded line.
#![no_main]

use arbitrary::Arbitrary;
use iac_runner::protocol::Tool;
use iac_runner::runner::diagnosis::{Ending, Observed, diagnose};
use libfuzzer_sys::fuzz_target;
use nix::sys::signal::Signal;

/// No message is longer, in characters.
const MAX_MESSAGE_CHARS: usize = 600;
const COMMANDS: [&str; 12] = [
    "init", "validate", "plan", "apply", "destroy", "import", "state", "force-unlock", "show",
    "output", "workspace", "no-such-command",
];
const ARGS: [&[&str]; 5] = [
    &[],
    &["-json", "-no-color"],
    &["-detailed-exitcode"],
    &["push", "-force", "file"],
    &["rm", "x.y"],
];

/// One byte a field, then the text, so that a seed is easily made of a recorded output.
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
        tool: if run.is_tofu { Tool::Tofu } else { Tool::Terraform },
        command: COMMANDS[usize::from(run.command) % COMMANDS.len()],
        args: &args,
        ending: match run.exit_code {
            u8::MAX => Ending::Signalled(Signal::SIGKILL),
            code => Ending::Exited(code.into()),
        },
        text: run.text,
        oom_killed: run.oom_killed,
    });
    if let Some(diagnosis) = diagnosis {
        let message = diagnosis.message;
        assert!(!message.contains(['\n', '\r']), "{message:?}");
        assert!(message.chars().count() <= MAX_MESSAGE_CHARS, "{message:?}");
    }
});
