//! Runs the example: its output, typed input, and its end.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::bounded::{in_time, output_of};
use crate::support::terminal::Terminal;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};

/// The example at a terminal; dropping it kills it.
pub(crate) struct Call {
    child: Child,
    terminal: Terminal,
    shown: Arc<Mutex<Vec<u8>>>,
}

/// How a call ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    /// Output on stdout, which is not a terminal.
    pub(crate) stdout: String,
    /// What the terminal showed.
    pub(crate) shown: String,
}

impl Call {
    /// Starts it with stdin and stderr on a terminal, which is its controlling terminal.
    pub(crate) fn at_terminal(mut command: Command) -> Self {
        let terminal = Terminal::open_for_a_person();
        let master = terminal.as_fd().try_clone_to_owned();
        let mut screen = File::from(master.expect("a second handle"));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let filled = Arc::clone(&shown);
        // Ends with the terminal.
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                filled
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&piece[..read]);
            }
        });
        let child = command
            .stdin(terminal.slave())
            .stdout(Stdio::piped())
            .stderr(terminal.slave())
            .spawn()
            .expect("the example starts");
        Self {
            child,
            terminal,
            shown,
        }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.terminal.type_in(text);
    }

    /// Types Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.type_in("\x03");
    }

    /// Returns whether the example has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Waits until the terminal has shown this.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str) {
        wait_for(text, WITHIN_A_TEST, || {
            self.shown().contains(text).then_some(())
        });
    }

    /// Returns what the terminal has shown so far.
    pub(crate) fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let status = wait_for("the end of the example", WITHIN_A_TEST, || {
            self.child.try_wait().expect("it can be waited for")
        });
        let mut pipe = self.child.stdout.take().expect("a pipe");
        let stdout = in_time("the end of stdout", move || {
            let mut stdout = String::new();
            pipe.read_to_string(&mut stdout).expect("text");
            stdout
        });
        self.wait_for_text("Log and plan: ");
        Ended {
            status: status.code(),
            stdout,
            shown: self.shown(),
        }
    }

    /// Kills it, as the kernel's OOM killer would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The child was not waited for, so its process id is still its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs it to its end without a terminal.
pub(crate) fn without_terminal(mut command: Command) -> Ended {
    let done = output_of(&mut command);
    Ended {
        status: done.status.code(),
        stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
        shown: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}
