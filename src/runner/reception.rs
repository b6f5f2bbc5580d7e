//! What comes in on stdin: the request document, then control lines.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::link::Message;
use super::wording::of_system;
use crate::process::Input;
use crate::protocol::{Control, Framer, Framing, MAX_CONTROL_LINE_BYTES};

/// How long stdin may be silent within a document. A person who types takes a while; a backend that
/// has stopped in the middle will not go on.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Most bytes read at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Reads stdin.
#[derive(Debug)]
pub(super) struct Reception {
    input: Input,
    received: Vec<u8>,
    is_open: bool,
    /// Within a control line that is too long, up to its end.
    skipping: bool,
}

impl Reception {
    pub(super) const fn new(input: Input) -> Self {
        Self {
            input,
            received: Vec::new(),
            is_open: true,
            skipping: false,
        }
    }

    /// The request document, or why there is none. Returns as soon as the document is complete.
    pub(super) async fn request(&mut self) -> Message {
        let mut framer = Framer::default();
        let mut framed = 0;
        loop {
            match framer.push(&self.received[framed..]) {
                Framing::Complete { len } => return self.complete(len).await,
                Framing::Refused(fault) => return Message::NoRequest(fault.to_string()),
                Framing::Incomplete => framed = self.received.len(),
            }
            match timeout(PATIENCE, self.read()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) if framer.is_blank() => {
                    return Message::NoRequest(
                        "stdin is empty; expected one JSON object with `tool`, `work_dir` and \
                         `command`"
                            .to_owned(),
                    );
                }
                // The parser says best what is missing.
                Ok(Ok(false)) => return Message::Request(std::mem::take(&mut self.received)),
                Ok(Err(fault)) => {
                    return Message::NoRequest(format!(
                        "stdin cannot be read: {}",
                        of_system(&fault)
                    ));
                }
                Err(_) => {
                    return Message::NoRequest(format!(
                        "the document is not complete and nothing came for {} s",
                        PATIENCE.as_secs()
                    ));
                }
            }
        }
    }

    /// Takes the document out of what was received; the rest of its line has to be blank.
    async fn complete(&mut self, len: usize) -> Message {
        // What is there already is looked at; nothing is waited for.
        while !self.received[len..].contains(&b'\n')
            && self.received.len() < len + MAX_CONTROL_LINE_BYTES
            && self.is_open
            && self.input.has_more()
        {
            if self.read().await.is_err() {
                break;
            }
        }
        let rest = self.received.split_off(len);
        let document = std::mem::replace(&mut self.received, rest);
        let line = self
            .received
            .split(|&byte| byte == b'\n')
            .next()
            .unwrap_or_default();
        if !line.trim_ascii().is_empty() {
            return Message::NoRequest(
                "text follows the document on its line; put control lines on lines of their own"
                    .to_owned(),
            );
        }
        Message::Request(document)
    }

    /// The next control line, or a sentence about a line that is none; never returns after the end.
    ///
    /// May be dropped and called again without losing anything.
    pub(super) async fn control(&mut self) -> Result<Control, String> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                if std::mem::take(&mut self.skipping) || line.trim_ascii().is_empty() {
                    continue;
                }
                return Control::parse(line.trim_ascii());
            }
            if self.received.len() > MAX_CONTROL_LINE_BYTES {
                self.received.clear();
                if !std::mem::replace(&mut self.skipping, true) {
                    return Err(format!(
                        "a control line was ignored: it is longer than {MAX_CONTROL_LINE_BYTES} bytes"
                    ));
                }
            }
            if !self.is_open {
                // A last line without its newline counts; closing stdin means nothing.
                let line = std::mem::take(&mut self.received);
                if !self.skipping && !line.trim_ascii().is_empty() {
                    return Control::parse(line.trim_ascii());
                }
                return std::future::pending().await;
            }
            // A terminal that hung up cannot be read; SIGHUP tells of that.
            if self.read().await.is_err() {
                self.is_open = false;
            }
        }
    }

    /// Reads on; false at the end.
    async fn read(&mut self) -> io::Result<bool> {
        // On the heap: the stack may be small.
        let mut piece = vec![0; PIECE_BYTES];
        let len = self.input.read(&mut piece).await?;
        self.received.extend_from_slice(&piece[..len]);
        self.is_open = len > 0;
        Ok(self.is_open)
    }
}
