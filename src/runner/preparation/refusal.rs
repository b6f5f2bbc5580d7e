//! Why nothing was run.

use std::io;
use std::path::Path;

use crate::protocol::{Outcome, Request, StopReason};
use crate::runner::link::Message;
use crate::runner::preparation::start_failure;

/// Why nothing was run.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) outcome: Outcome,
    pub(crate) stop_reason: Option<StopReason>,
    pub(crate) sentence: String,
}

impl Refusal {
    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::InvalidRequest,
            stop_reason: None,
            sentence: sentence.into(),
        }
    }

    pub(crate) fn not_started(sentence: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotStarted,
            ..Self::invalid(sentence)
        }
    }

    pub(crate) fn stopped(reason: StopReason) -> Self {
        Self {
            stop_reason: Some(reason),
            ..Self::not_started(format!(
                "the runner was stopped ({}) before it had started the tool; nothing ran",
                reason.word()
            ))
        }
    }
}

/// Returns the request that the front has sent, or why it has none.
pub(crate) fn accept(first: Message) -> Result<Request, Refusal> {
    match first {
        Message::Request(document) => {
            Request::parse(&document).map_err(|fault| Refusal::invalid(fault.to_string()))
        }
        Message::NoRequest(why) => Err(Refusal::invalid(format!("invalid request: `$`: {why}"))),
        Message::StoppedEarly
        | Message::Cancel
        | Message::Signalled
        | Message::Force
        | Message::ReaderGone => Err(Refusal::stopped(StopReason::Cancel)),
        Message::Warning(_) | Message::Relayed | Message::Started(_) => {
            Err(Refusal::invalid("the front sent no request"))
        }
    }
}

pub(crate) fn could_not_start(program: &Path, fault: &io::Error) -> Refusal {
    Refusal::not_started(format!(
        "`{}` could not be started: {}",
        program.display(),
        start_failure::explain(fault)
    ))
}
