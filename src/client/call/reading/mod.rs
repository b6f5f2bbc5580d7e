//! Parses the runner's stdout into typed events and the result.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use super::lines::Lines;
use crate::client::{ReadFault, RunEvent};
use crate::protocol::{Event, PROTOCOL_VERSION, RunResult};

/// Outcome of reading the runner's stdout.
pub(crate) type Reading = Result<Box<RunResult>, ReadFault>;

/// One step of reading.
#[derive(Debug)]
pub(crate) enum ReadStep {
    /// An event.
    Event(RunEvent),
    /// Reading has ended.
    End(Reading),
}

/// Parses stdout as it arrives.
#[derive(Debug)]
pub(crate) struct StdoutParser {
    lines: Lines,
    has_seen_a_line: bool,
    /// The `seq` that is expected next.
    due: u64,
    /// The first event out of order: the expected and the actual `seq`.
    misplaced: Option<(u64, u64)>,
    result: Option<Box<RunResult>>,
}

impl StdoutParser {
    pub(crate) const fn new(line_limit: usize) -> Self {
        Self {
            lines: Lines::new(line_limit),
            has_seen_a_line: false,
            due: 0,
            misplaced: None,
            result: None,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// Returns the next step, or `None` if more bytes are needed.
    pub(crate) fn step(&mut self) -> Option<ReadStep> {
        if let Some(result) = self.result.take() {
            return Some(ReadStep::End(match self.misplaced {
                None => Ok(result),
                Some((due, found)) => Err(ReadFault::Misplaced { due, found, result }),
            }));
        }
        let parsed = match self.lines.next() {
            Ok(None) => return None,
            Ok(Some(line)) => parse(line),
            Err(fault) => Err(fault),
        };
        Some(self.take(parsed))
    }

    /// Returns the next step at the end of stdout.
    pub(crate) fn finish(&mut self) -> ReadStep {
        if let Some(step) = self.step() {
            return step;
        }
        match self.lines.rest() {
            Some(line) => self.take(parse(&line)),
            None if self.has_seen_a_line => ReadStep::End(Err(ReadFault::NoResult)),
            None => ReadStep::End(Err(ReadFault::Empty)),
        }
    }

    fn take(&mut self, parsed: Result<Line, ReadFault>) -> ReadStep {
        self.has_seen_a_line = true;
        match parsed {
            Ok(Line::Event(event)) => {
                self.note_place(&event);
                if let RunEvent::Known(Event::Result { result, .. }) = &event {
                    self.result = Some(result.clone());
                }
                ReadStep::Event(event)
            }
            Ok(Line::Document(result)) => ReadStep::End(Ok(result)),
            Err(fault) => ReadStep::End(Err(fault)),
        }
    }
}

impl StdoutParser {
    /// Compares the `seq` of an event with the expected one. Reading continues after a mismatch: a runner without a
    /// reader would stop the run.
    fn note_place(&mut self, event: &RunEvent) {
        let found = match event {
            RunEvent::Known(event) => event.seq(),
            RunEvent::Other { document, .. } => match document["seq"].as_u64() {
                Some(seq) => seq,
                None => return,
            },
            RunEvent::StopFailed { .. } => return,
        };
        if found != self.due {
            self.misplaced.get_or_insert((self.due, found));
        }
        self.due = found.saturating_add(1);
    }
}

#[derive(Debug)]
enum Line {
    Event(RunEvent),
    /// A result outside of an event: the runner prints it when it could not begin to stream.
    Document(Box<RunResult>),
}

/// The fields of a line that decide how to parse it.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    protocol: Option<u64>,
    result: Option<ResultHead>,
}

#[derive(Deserialize)]
struct ResultHead {
    protocol: Option<u64>,
}

/// Parses one line. Unknown fields are ignored.
fn parse(line: &[u8]) -> Result<Line, ReadFault> {
    let fault = match serde_json::from_slice::<Event>(line) {
        Ok(Event::Result { result, .. }) if result.protocol > PROTOCOL_VERSION => {
            return Err(ReadFault::TooNew {
                found: result.protocol.into(),
            });
        }
        Ok(event) => return Ok(Line::Event(RunEvent::Known(event))),
        Err(fault) => fault,
    };
    let head: Head = serde_json::from_slice(line).map_err(|_| ReadFault::NotAnEvent)?;
    let protocol = head.result.and_then(|result| result.protocol);
    if let Some(found) = protocol.or(head.protocol)
        && found > PROTOCOL_VERSION.into()
    {
        return Err(ReadFault::TooNew { found });
    }
    match head.kind {
        Some(kind) if kind == "result" => Err(ReadFault::Malformed(fault)),
        Some(kind) => Ok(Line::Event(RunEvent::Other {
            kind,
            document: serde_json::from_slice::<Value>(line).map_err(|_| ReadFault::NotAnEvent)?,
        })),
        None if head.protocol.is_some() => serde_json::from_slice(line)
            .map(Line::Document)
            .map_err(ReadFault::Malformed),
        None => Err(ReadFault::NotAnEvent),
    }
}
