//! Extracts facts from the part of the output that is no longer kept.
//!
//! It only searches for output that contradicts a claim, and for the closing line above output values that are
//! longer than the kept part. Nearly every line is skipped after a check of its beginning; a line that begins like
//! the tool's own words is searched for an anchor, and only then parsed.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::{self, Finder};

use super::line_start;
use crate::runner::diagnosis::{is_about_lock, is_state_write};
use crate::runner::state_report::{ABANDONED, STATE_NOT_WRITTEN};
use crate::runner::tool_output::printed::{
    CLOSING, EarlierProgress, JsonMessage, OUTPUTS, Printed, PrintedError, PrintedPart,
    ResourceProgress, progress,
};

/// Most bytes of one diagnostic that are read.
const BLOCK_BYTES: usize = 4 * 1024;
/// Most bytes of one JSON message that are read.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Most errors that are kept. Those about the state and its lock take precedence.
const MAX_FAULTS: usize = 16;
/// Most lines that are parsed; with more of them, the output may contain anything.
const MAX_CANDIDATES: u32 = 100_000;

/// Beginnings of relevant lines, after colour codes. Lines of a provisioner begin with its address.
const STARTS: [&[u8]; 11] = [
    b"{",
    "│".as_bytes(),
    b"Apply complete! ",
    b"Destroy complete! ",
    b"Error",
    b"Failed",
    b"Two interrupts",
    b"Outputs:",
    b"fatal",
    b"panic",
    b"SIGQUIT",
];
/// Words of which a relevant line contains one.
const ANCHORS: [&[u8]; 9] = [
    b"complete! Resources: ",
    b"\"change_summary\"",
    b"Outputs:",
    b"\"outputs\"",
    b"rror",
    b"nterrupts received.",
    b"ailed to ",
    b"panic: ",
    b"SIGQUIT",
];
static ANCHOR_FINDERS: LazyLock<[Finder<'static>; 9]> = LazyLock::new(|| ANCHORS.map(Finder::new));
/// Words with which another command may begin.
const BEGINNINGS: [&[u8]; 8] = [
    b"Acquiring state lock",
    b" used the selected providers",
    b": Refreshing state...",
    b": Creating...",
    b": Destroying...",
    b": Modifying...",
    b"Plan: ",
    b"\"type\":\"version\"",
];

/// Words that show that the tool has planned or applied, and so had the lock; each ends with [`ELLIPSIS`].
const PLANNING: [&[u8]; 5] = [
    b": Refreshing state...",
    b": Reading...",
    b": Creating...",
    b": Destroying...",
    b": Modifying...",
];
/// Messages that show it; each follows [`TYPE`].
const PLANNING_MESSAGES: [&[u8]; 3] =
    [b"refresh_start\"", b"planned_change\"", b"change_summary\""];
const ELLIPSIS: &[u8] = b"...";
const TYPE: &[u8] = b"\"type\":\"";
static ELLIPSIS_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(ELLIPSIS));
static TYPE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(TYPE));
static PLAN_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"Plan: "));
/// Ends the words about a finished change, see [`progress`].
static COMPLETE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" complete"));
static APPLIED_FINDER: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"type\":\"apply_complete\""));

/// What closed the command, if only output values followed.
#[derive(Debug)]
struct Closing {
    item: PrintedPart,
    /// Position of the values in the whole output.
    values_at: u64,
    /// Whether they are printed for a person: then the rest of the output consists of values.
    is_for_person: bool,
}

/// The form of a printed error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// In a box, or as a JSON message: a quotation never looks like this, but output values may.
    Sure,
    /// As bare lines, which may be quoted.
    Plain,
}

#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// Errors about the state and its lock.
    of_state: Vec<(Form, PrintedError)>,
    /// The first error of any other kind.
    other: Option<(Form, PrintedError)>,
    is_abandoned: bool,
    is_not_written: bool,
    /// The message of a Go program about its crash, if there was one.
    crash: Option<String>,
    closing: Option<Closing>,
    /// Position of the end of the last closing line.
    closed_at: Option<u64>,
    /// The last summary of changes, and where the next line begins.
    summary: Option<(u64, JsonMessage)>,
    /// Position of the scanned text in the whole output.
    offset: u64,
    candidates: u32,
    progress: EarlierProgress,
}

impl Dropped {
    /// Scans the lines in a range of the text.
    pub(crate) fn scan(&mut self, text: &[u8], range: Range<usize>) {
        let lines = &text[range.clone()];
        let EarlierProgress {
            has_planned,
            has_finished_change,
        } = &mut self.progress;
        *has_planned = *has_planned || shows_planning(lines);
        *has_finished_change = *has_finished_change || shows_finished_change(lines);
        let mut start = range.start;
        while start < range.end {
            let end = memchr(b'\n', &text[start..]).map_or(text.len(), |len| start + len);
            let line = &text[start..end];
            if begins_like_the_tool(line) && has_anchor(line) {
                self.take_line(text, start, end);
            }
            start = end + 1;
        }
        if let Some(closing) = &self.closing {
            let from = closing.values_at.saturating_sub(self.offset);
            let from = usize::try_from(from).unwrap_or(usize::MAX).max(range.start);
            let values = text.get(from..range.end).unwrap_or_default();
            if BEGINNINGS
                .iter()
                .any(|it| memmem::find(values, it).is_some())
            {
                self.closing = None;
            }
        }
    }

    /// Moves the start of the scanned text forward by `len` bytes.
    pub(crate) fn advance(&mut self, len: usize) {
        self.offset += len as u64;
    }

    /// Returns what is known of the whole output, of which `text` is the end.
    pub(crate) fn before(&self, text: &str, args: &[String]) -> Printed {
        let has_error = !self.of_state.is_empty() || self.other.is_some();
        let is_in_values = self.closing.as_ref().is_some_and(|it| it.is_for_person);
        let mut printed = if is_in_values {
            Printed::of(&format!("{OUTPUTS}\n{text}"), args)
        } else {
            Printed::of(text, args)
        };
        let closing = self.closing.as_ref().map(|closing| closing.item.clone());
        let closing = closing.or_else(|| self.closing_right_before(text));
        printed.items.splice(0..0, closing.filter(|_| !has_error));
        self.with_facts(printed)
    }

    /// Returns what closed the command, if the text begins with the output values.
    fn closing_right_before(&self, text: &str) -> Option<PrintedPart> {
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        if first.starts_with('{') {
            let (next, message) = self.summary.as_ref()?;
            let is_outputs = first.get(..200)?.contains("\"@message\":\"Outputs: ");
            return (is_outputs && *next == self.offset)
                .then(|| PrintedPart::Message(message.clone()));
        }
        let distance = self.offset.checked_sub(self.closed_at?)?;
        let is_outputs = uncoloured(first.as_bytes()) == OUTPUTS;
        (is_outputs && distance < 64).then(|| PrintedPart::Line(format!("{CLOSING}…")))
    }

    fn with_facts(&self, mut printed: Printed) -> Printed {
        let mut items = Vec::new();
        for (form, fault) in self.of_state.iter().chain(&self.other) {
            items.push(match form {
                Form::Sure => PrintedPart::Fault(fault.clone()),
                Form::Plain => PrintedPart::Doubtful(fault.clone()),
            });
        }
        if self.is_abandoned {
            items.push(PrintedPart::Line(ABANDONED.to_owned()));
        }
        if self.is_not_written || self.candidates > MAX_CANDIDATES {
            items.push(PrintedPart::Line(STATE_NOT_WRITTEN[0].to_owned()));
        }
        items.extend(self.crash.clone().map(PrintedPart::Line));
        printed.items.splice(0..0, items);
        printed.earlier = self.progress;
        printed
    }

    fn take_line(&mut self, text: &[u8], start: usize, end: usize) {
        let line = &text[start..end];
        let own = after_colour(line);
        if own.starts_with(b"{") {
            self.take_message(text, start, end);
            return;
        }
        let begins = |words: &str| own.starts_with(words.as_bytes());
        if begins("Apply complete! ") || begins("Destroy complete! ") {
            self.closed_at = Some(self.offset + end as u64);
            return;
        }
        self.candidates = self.candidates.saturating_add(1);
        if self.candidates > MAX_CANDIDATES {
            return;
        }
        let shown = uncoloured(line);
        if begins("│") {
            if shown.starts_with("│ Error: ") {
                self.take_box(text, start);
            }
        } else if shown.starts_with("Error: ") {
            let block = block(text, start, |line| line.is_empty());
            self.take_faults(&block, Form::Plain);
        } else if shown == OUTPUTS {
            let before = uncoloured(&text[start.saturating_sub(400)..start]);
            let last = before.lines().rev().find(|line| !line.trim().is_empty());
            if last.is_some_and(|line| line.contains("complete! Resources: ")) {
                self.closing = Some(Closing {
                    item: PrintedPart::Line(format!("{CLOSING}…")),
                    values_at: self.offset + end as u64,
                    is_for_person: true,
                });
            }
        } else if shown.starts_with(ABANDONED) {
            self.is_abandoned = true;
        } else if STATE_NOT_WRITTEN
            .iter()
            .any(|words| shown.starts_with(words))
        {
            self.is_not_written = true;
        } else if crate::runner::tool_output::printed::is_crash(&shown) {
            self.crash = Some(shown);
        }
    }

    fn take_box(&mut self, text: &[u8], start: usize) {
        let top = line_start(text, start.saturating_sub(1));
        let is_top = uncoloured(&text[top..start]).trim_end().ends_with('╷');
        if is_top {
            let block = block(text, top, |line| line.starts_with('╵'));
            self.take_faults(&block, Form::Sure);
        }
    }

    fn take_message(&mut self, text: &[u8], start: usize, end: usize) {
        self.candidates = self.candidates.saturating_add(1);
        if self.candidates > MAX_CANDIDATES {
            return;
        }
        if end - start > MESSAGE_BYTES {
            let head = String::from_utf8_lossy(&text[start..start + 512]).into_owned();
            // The values of many outputs form one long message, whose head identifies it.
            if head.contains("\"@message\":\"Outputs: ") {
                self.take_outputs_message(start, end);
            }
            return;
        }
        let line = String::from_utf8_lossy(&text[start..end]);
        let Some(item) = crate::runner::tool_output::printed::tool_message(&line) else {
            return;
        };
        match item {
            PrintedPart::Fault(fault) => self.keep(Form::Sure, fault),
            PrintedPart::Message(message) if message.log.trim_start().starts_with(ABANDONED) => {
                self.is_abandoned = true;
            }
            PrintedPart::Message(message) if message.kind == "outputs" => {
                self.take_outputs_message(start, end);
            }
            PrintedPart::Message(message) if message.kind == "change_summary" => {
                self.summary = Some((self.offset + end as u64 + 1, message));
            }
            PrintedPart::Message(_)
            | PrintedPart::Line(_)
            | PrintedPart::DoubtfulLine(_)
            | PrintedPart::Doubtful(_) => {}
        }
    }

    /// Processes the message with the output values, which follows the summary of changes.
    fn take_outputs_message(&mut self, start: usize, end: usize) {
        let begins_at = self.offset + start as u64;
        if let Some((_, message)) = self.summary.take_if(|(next, _)| *next == begins_at) {
            self.closing = Some(Closing {
                item: PrintedPart::Message(message),
                values_at: self.offset + end as u64,
                is_for_person: false,
            });
        }
    }

    fn take_faults(&mut self, block: &str, form: Form) {
        let printed = Printed::of(block, &[]);
        if let Some(fault) = printed.faults().next() {
            self.keep(form, fault.clone());
        }
    }

    fn keep(&mut self, form: Form, fault: PrintedError) {
        let is_value = self.closing.as_ref().is_some_and(|it| it.is_for_person);
        let form = if is_value { Form::Plain } else { form };
        let is_of_state = is_state_write(&fault) || is_about_lock(&fault);
        if is_of_state && self.of_state.len() < MAX_FAULTS {
            self.of_state.push((form, fault));
        } else if self.other.is_none() {
            self.other = Some((form, fault));
        }
    }
}

/// Returns the lines from a position to one that ends the block, at most [`BLOCK_BYTES`].
///
/// A blank line after the detail ends a plain block: its third paragraph is not needed here.
fn block(text: &[u8], start: usize, is_end: impl Fn(&str) -> bool) -> String {
    let bytes = &text[start..text.len().min(start + BLOCK_BYTES)];
    let text = String::from_utf8_lossy(bytes);
    let mut block = String::new();
    let mut ends = 0;
    for line in text.lines() {
        let line = uncoloured(line.as_bytes());
        block.push_str(&line);
        block.push('\n');
        ends += u32::from(is_end(&line));
        if ends > 0 && (line.starts_with('╵') || ends >= 3) {
            break;
        }
    }
    block
}

/// Returns whether a text shows that the tool has planned.
///
/// All output of a command that never plans is searched, so there is one search for what several words share.
fn shows_planning(text: &[u8]) -> bool {
    let ends_words = |at: usize| {
        let before = &text[..at + ELLIPSIS.len()];
        PLANNING.iter().any(|words| before.ends_with(words))
    };
    let is_message = |at: usize| {
        let kind = &text[at + TYPE.len()..];
        PLANNING_MESSAGES.iter().any(|it| kind.starts_with(it))
    };
    PLAN_FINDER.find(text).is_some()
        || ELLIPSIS_FINDER.find_iter(text).any(ends_words)
        || TYPE_FINDER.find_iter(text).any(is_message)
}

/// Returns whether a text shows that a change is complete.
fn shows_finished_change(text: &[u8]) -> bool {
    let ends = |line: &[u8]| progress(&uncoloured(line)) == Some(ResourceProgress::Ends);
    let is_message = |line: &[u8]| line.starts_with(b"{");
    has_line(text, &COMPLETE_FINDER, ends) || has_line(text, &APPLIED_FINDER, is_message)
}

/// Returns whether a line with some words is one that is looked for; each line is examined once.
fn has_line(text: &[u8], words: &Finder<'_>, is_wanted: impl Fn(&[u8]) -> bool) -> bool {
    let mut from = 0;
    while let Some(found) = words.find(&text[from..]) {
        let at = from + found;
        let end = memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
        if is_wanted(&text[line_start(text, at)..end]) {
            return true;
        }
        from = end;
    }
    false
}

fn begins_like_the_tool(line: &[u8]) -> bool {
    let own = after_colour(line);
    STARTS.iter().any(|start| own.starts_with(start))
}

fn has_anchor(line: &[u8]) -> bool {
    ANCHOR_FINDERS
        .iter()
        .any(|anchor| anchor.find(line).is_some())
}

/// Returns the line without the colour codes at its beginning.
fn after_colour(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(b"\x1b[") {
        let Some(end) = memchr(b'm', &rest[..rest.len().min(16)]) else {
            return line;
        };
        line = &rest[end + 1..];
    }
    line
}

fn uncoloured(line: &[u8]) -> String {
    let line = &line[..line.len().min(BLOCK_BYTES)];
    anstream::adapter::strip_str(&String::from_utf8_lossy(line)).to_string()
}
