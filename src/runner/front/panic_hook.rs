//! Makes sure that even a bug in the runner leaves one document on stdout, at the right position.
//!
//! A panic may happen when half a line has been written to stdout. So the hook knows how much was written, and
//! where the rest of the line is: it ends the line, counts it, and only then prints its own document.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use chrono::Utc;

use crate::process::{let_stop_signals_end, print};
use crate::protocol::{Outcome, exit_status};
use crate::runner::link::relay::RelayReader;
use crate::runner::messages::diagnostics::print_diagnostic;
use crate::runner::messages::mode::Mode;
use crate::runner::result::document::of_no_tool;
use crate::runner::result::lost_supervisor::encode;

/// The progress of this process, for the hook.
#[derive(Debug, Default)]
pub(crate) struct FrontProgress {
    /// Bytes of the relay that were written to stdout.
    pub(crate) bytes: AtomicU64,
    /// Whole lines that were written to stdout.
    pub(crate) lines: AtomicU64,
    /// Whether a run may exist by now.
    pub(crate) may_run: AtomicBool,
}

impl FrontProgress {
    pub(crate) fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }

    /// Records bytes that were written to stdout.
    pub(crate) fn wrote(&self, bytes: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', bytes).count();
        self.bytes.fetch_add(bytes.len() as u64, Relaxed);
        self.lines.fetch_add(newlines as u64, Relaxed);
    }
}

/// What a panic prints on stdout, and the exit status.
#[derive(Debug, PartialEq, Eq)]
struct Farewell {
    text: Vec<u8>,
    exit_status: u8,
}

/// Sets the panic hook of this process, replacing an earlier one.
///
/// In the supervisor, stdout is not connected, and the front detects its end.
pub(crate) fn print_on_panic(mode: Mode, progress: Arc<FrontProgress>, relay: Option<RelayReader>) {
    panic::set_hook(Box::new(move |panic| {
        print_diagnostic(&format!("iac-runner: {panic}\n"));
        let farewell = farewell(mode, &progress, relay.as_ref());
        // The process waits for a slow reader, and no runtime would receive a signal meanwhile.
        let_stop_signals_end();
        let status = match print(&farewell.text) {
            Ok(()) => farewell.exit_status,
            Err(_) => exit_status::INTERNAL_FAULT,
        };
        std::process::exit(status.into());
    }));
}

fn farewell(mode: Mode, progress: &FrontProgress, relay: Option<&RelayReader>) -> Farewell {
    let written = progress.bytes.load(Relaxed);
    let mut text = relay
        .and_then(|relay| relay.rest_of_line(written).ok())
        .unwrap_or_default();
    let lines = progress.lines() + u64::from(text.ends_with(b"\n"));
    // If only the end of the last line is missing, nothing has to be added.
    let last_line = relay.and_then(|relay| relay.ends_at(written + text.len() as u64));
    if let Some(exit_status) = last_line {
        return Farewell { text, exit_status };
    }
    let (outcome, sentence) = if progress.may_run.load(Relaxed) {
        (
            Outcome::Unknown,
            "iac-runner has a fault of its own, see stderr; check the state before anything is run again",
        )
    } else {
        (
            Outcome::NotStarted,
            "iac-runner has a fault of its own, see stderr; nothing ran",
        )
    };
    let result = of_no_tool(outcome, sentence.to_owned(), Utc::now()).with_output(String::new());
    text.extend(encode(result, mode, lines));
    Farewell {
        text,
        exit_status: exit_status::INTERNAL_FAULT,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::Value;

    use super::*;
    use crate::runner::link::relay::RelayWriter;

    const WARNING: &str = "{\"type\":\"warning\",\"seq\":0}\n";

    /// Returns what is printed after `written` bytes of a relay with this text, ended or not.
    fn said(mode: Mode, text: &str, written: usize, ended: Option<u8>) -> (String, u8) {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut writer = RelayWriter::new(file.try_clone().unwrap(), None);
        writer.write_all(text.as_bytes()).unwrap();
        writer.commit().unwrap();
        if let Some(status) = ended {
            writer.finish(status).unwrap();
        }
        let progress = FrontProgress::default();
        progress.wrote(&text.as_bytes()[..written]);
        progress.may_run.store(true, Relaxed);
        let farewell = farewell(mode, &progress, Some(&RelayReader::new(file)));
        let whole = text[..written].to_owned() + std::str::from_utf8(&farewell.text).unwrap();
        (whole, farewell.exit_status)
    }

    #[test]
    fn stream_has_no_gap_and_one_result_after_a_panic() {
        let text = WARNING.to_owned() + &WARNING.replace('0', "1");
        for written in 0..=text.len() {
            let (whole, status) = said(Mode::Stream, &text, written, None);
            let events: Vec<Value> = whole
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            for (seq, event) in events.iter().enumerate() {
                assert_eq!(event["seq"], seq, "after {written}: {whole}");
                assert_eq!(event["type"] == "result", seq + 1 == events.len());
            }
            let last = &events[events.len() - 1]["result"];
            assert_eq!(last["outcome"], "unknown");
            assert_eq!(status, exit_status::INTERNAL_FAULT);
        }
    }

    #[test]
    fn a_document_that_is_half_written_is_finished_and_none_is_added() {
        let document = "{\"outcome\":\"failed\"}\n";
        for mode in [Mode::Document, Mode::Stream] {
            for written in 1..=document.len() {
                let (whole, status) = said(mode, document, written, Some(1));
                assert_eq!((whole.as_str(), status), (document, 1), "after {written}");
            }
        }
    }

    #[test]
    fn before_there_may_be_a_run_nothing_is_unknown() {
        let farewell = farewell(Mode::Document, &FrontProgress::default(), None);
        let document: Value = serde_json::from_slice(&farewell.text).unwrap();
        assert_eq!(document["outcome"], "not_started");
    }
}
