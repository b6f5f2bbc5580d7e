//! Prints lines, and the elapsed time.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use iac_runner::session::{LogLine, Phase};

/// Duration of a phase before the elapsed time is shown.
const SHORT: Duration = Duration::from_secs(2);
/// Width of the longest phase name.
const WIDTH: usize = "initializing".len();
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";
/// Moves to the beginning of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Stderr, which may be a terminal.
///
/// A lost terminal is no reason to stop: the session's log has what cannot be shown.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    has_colour: bool,
    /// Whether the last line shows the elapsed time.
    tells_time: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        Self {
            is_terminal,
            has_colour: is_terminal && !no_colour,
            tells_time: false,
        }
    }

    /// Prints a line of the log, in the tool's own colours, after the name of its phase.
    pub(crate) fn log(&mut self, line: &LogLine) {
        let phase = line.phase.word();
        let shown = if self.has_colour {
            // Resets any colour at the end of the line.
            format!("{DIM}{phase:<WIDTH$} │{PLAIN} {}{PLAIN}", line.text)
        } else {
            format!("{phase:<WIDTH$} | {}", self.plain(&line.text))
        };
        self.write(&format!("{shown}\n"));
    }

    /// Prints a message that is not in the session's log.
    pub(crate) fn say(&mut self, text: &str) {
        let shown = format!("{}\n", self.plain(text));
        self.write(&shown);
    }

    /// Prints a question, with the cursor behind it.
    pub(crate) fn ask(&mut self, text: &str) {
        self.write(text);
    }

    /// Shows how long a phase has taken so far, in place of the previous time.
    pub(crate) fn tell_time(&mut self, phase: Phase, elapsed: Duration) {
        if !self.is_terminal || elapsed < SHORT {
            return;
        }
        let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        let line = format!("{}: {minutes}:{seconds:02}", phase.word());
        let line = if self.has_colour {
            format!("{DIM}{line}{PLAIN}")
        } else {
            line
        };
        self.write(&line);
        self.tells_time = true;
    }

    fn write(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        if std::mem::take(&mut self.tells_time) {
            let _ = stderr.write_all(CLEAR.as_bytes());
        }
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.has_colour {
            text.into()
        } else {
            anstream::adapter::strip_str(text).to_string().into()
        }
    }
}
