//! Wrappers of the tools that record each call, block where a test wants it, and then execute the real tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::write_program;
use crate::waiting::wait_for;

/// Longer than any step of a crowd of deployments takes on a busy machine.
pub(crate) const WITHIN_MINUTES: Duration = Duration::from_secs(240);

/// A folder with such wrappers, for `PATH`.
pub(crate) struct Gate {
    folder: PathBuf,
}

impl Gate {
    pub(crate) fn new(place: &Path) -> Self {
        let folder = place.join("gate");
        fs::create_dir(&folder).unwrap();
        let gate = Self { folder };
        for tool in ["terraform", "tofu"] {
            let folder = gate.folder.display();
            // Bash passes on variables whose names no shell can set; other shells may not.
            let script = format!(
                "#!/usr/bin/env bash\n\
                 echo \"$1\" >>'{folder}/calls'\n\
                 while [ -e '{folder}/hold-'\"$1\" ]; do sleep 0.1; done\n\
                 PATH=${{PATH#'{folder}':}}\n\
                 exec {tool} \"$@\"\n"
            );
            write_program(&gate.folder.join(tool), &script);
        }
        gate
    }

    /// Returns a `PATH` that begins with the gate.
    pub(crate) fn before(&self, path: &str) -> String {
        format!("{}:{path}", self.folder.display())
    }

    /// Makes the next calls of a command block.
    pub(crate) fn hold(&self, command: &str) {
        fs::write(self.folder.join(format!("hold-{command}")), "").unwrap();
    }

    /// Releases them.
    pub(crate) fn let_go(&self, command: &str) {
        fs::remove_file(self.folder.join(format!("hold-{command}"))).unwrap();
    }

    /// Returns how often a command was called.
    pub(crate) fn calls(&self, command: &str) -> usize {
        let calls = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call == command).count()
    }

    /// Waits until a command was called this often.
    #[track_caller]
    pub(crate) fn wait_for_calls(&self, command: &str, wanted: usize) {
        wait_for("calls of the tool", WITHIN_MINUTES, || {
            (self.calls(command) >= wanted).then_some(())
        });
    }
}
