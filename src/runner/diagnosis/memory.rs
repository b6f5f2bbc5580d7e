//! Recognizes errors that indicate a process killed by the kernel for memory.

use crate::protocol::DiagnosisClass;
use crate::runner::tool_output::printed::{PrintedError, folded};

/// Words about a process that SIGKILL ended: of a provisioner, of a shell, of a plugin's lost connection.
const KILLED: [&str; 8] = [
    "signal: killed",
    "exit status 137",
    "exited with code 137",
    "plugin did not respond",
    "plugin process exited",
    "transport is closing",
    "connection is shut down",
    "error reading from server: eof",
];

/// Returns whether the error may come from a process that the kernel killed.
///
/// The counter of a cgroup alone is not enough: other processes may be in it.
pub(super) fn shows_killed_process(class: DiagnosisClass, fault: &PrintedError) -> bool {
    let may_hide = matches!(class, DiagnosisClass::ProviderError | DiagnosisClass::Other);
    let sentence = folded(&fault.sentence()).to_lowercase();
    may_hide && KILLED.iter().any(|words| sentence.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DiagnosisClass::{ProviderError, StateLocked};

    #[test]
    fn only_a_killed_process_may_be_a_victim() {
        for (class, detail, expected) in [
            (ProviderError, "exit status 3. Output: boom", false),
            (ProviderError, "signal: killed. Output:", true),
            (ProviderError, "exit status 137. Output: Killed", true),
            (ProviderError, "Plugin did not\nrespond", true),
            (StateLocked, "signal: killed", false),
        ] {
            let fault = PrintedError {
                summary: "local-exec provisioner error".to_owned(),
                detail: detail.to_owned(),
                ..PrintedError::default()
            };
            assert_eq!(shows_killed_process(class, &fault), expected, "{detail}");
        }
    }
}
