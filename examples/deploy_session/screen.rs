//! Lines, and the line that tells the time.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use iac_runner::session::{LogLine, Phase};

/// How long a phase takes before the time is told.
const SHORT: Duration = Duration::from_secs(2);
/// As wide as the longest word for a phase.
const WIDTH: usize = "initializing".len();
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";
/// To the beginning of the line, and away with what stands there.
const CLEAR: &str = "\r\x1b[K";

/// Stderr, be it a terminal or not.
///
/// A terminal that is gone is no reason to end: what cannot be shown is in the session's log.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    has_colour: bool,
    /// Whether the last line is the one that tells the time.
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

    /// A line of the log, in the tool's own colours, behind the phase that it is of.
    pub(crate) fn log(&mut self, line: &LogLine) {
        let phase = line.phase.word();
        let shown = if self.has_colour {
            // Whatever colour the tool left on ends with its line.
            format!("{DIM}{phase:<WIDTH$} │{PLAIN} {}{PLAIN}", line.text)
        } else {
            format!("{phase:<WIDTH$} | {}", self.plain(&line.text))
        };
        self.write(&format!("{shown}\n"));
    }

    /// Something that the session does not say itself.
    pub(crate) fn say(&mut self, text: &str) {
        let shown = format!("{}\n", self.plain(text));
        self.write(&shown);
    }

    /// A question, with the cursor behind it.
    pub(crate) fn ask(&mut self, text: &str) {
        self.write(text);
    }

    /// Tells how long a phase has taken by now, over what was told before.
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
