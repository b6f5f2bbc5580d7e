//! Reads stdin: the request document, then control lines.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::control_lines::ControlLines;
use crate::process::Input;
use crate::protocol::{Control, Framer, Framing, MAX_CONTROL_LINE_BYTES};
use crate::runner::link::Message;
use crate::runner::messages::wording::of_system;

/// How long stdin may be silent within a document. A person who types takes a while; a backend that stopped in the
/// middle will not continue.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a terminal may be silent before its user gets a hint.
const SILENCE_AT_TERMINAL: Duration = Duration::from_millis(500);
/// Most bytes per read.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes of control lines after which stdin is read at intervals: more bytes request nothing new, and an endless
/// stream must not keep a CPU busy for the whole run.
const FREE_CONTROL_BYTES: usize = 64 * 1024;
/// The interval.
const CONTROL_INTERVAL: Duration = Duration::from_millis(1);

/// Reads stdin.
#[derive(Debug)]
pub(crate) struct Reception {
    input: Input,
    /// Bytes of the document.
    received: Vec<u8>,
    is_open: bool,
    control_lines: ControlLines,
    control_bytes: usize,
    read_at: Instant,
}

impl Reception {
    pub(crate) fn new(input: Input) -> Self {
        Self {
            input,
            received: Vec::new(),
            is_open: true,
            control_lines: ControlLines::default(),
            control_bytes: 0,
            read_at: Instant::now(),
        }
    }

    /// Returns the request document, or why there is none. Returns as soon as the document is complete.
    ///
    /// Calls `on_silence` if stdin is a terminal without input.
    pub(crate) async fn request(&mut self, on_silence: impl FnOnce()) -> Message {
        if self.input.is_terminal()
            && timeout(SILENCE_AT_TERMINAL, self.input.readable())
                .await
                .is_err()
        {
            on_silence();
        }
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
                // The parser reports best what is missing.
                Ok(Ok(false)) => return Message::Request(std::mem::take(&mut self.received)),
                Ok(Err(fault)) if fault.raw_os_error() == Some(libc::EBADF) => {
                    return Message::NoRequest(
                        "stdin is closed, or not open for reading; give the request on stdin, one JSON \
                         object"
                            .to_owned(),
                    );
                }
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

    /// Takes the document out of the received bytes; the rest of its line has to be blank.
    async fn complete(&mut self, len: usize) -> Message {
        // Reads what has already arrived; does not wait for more.
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
        let document = std::mem::take(&mut self.received);
        let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        if !line.trim_ascii().is_empty() {
            return Message::NoRequest(
                "text follows the document on its line; put control lines on lines of their own"
                    .to_owned(),
            );
        }
        self.control_lines.push(&rest);
        Message::Request(document)
    }

    /// Stops reading: control lines could request nothing.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
        self.control_lines = ControlLines::default();
    }

    /// Returns how many control lines were ignored without a separate warning.
    pub(crate) const fn unreported(&self) -> u64 {
        self.control_lines.unreported()
    }

    /// Waits for the next control line, or a sentence about an invalid one; never returns after the end.
    ///
    /// Cancel safe: nothing is lost.
    pub(crate) async fn control(&mut self) -> Result<Control, String> {
        loop {
            if let Some(read) = self.control_lines.next() {
                return read;
            }
            if !self.is_open {
                // A last line without its newline counts; closing stdin has no meaning.
                self.control_lines.end();
                match self.control_lines.next() {
                    Some(read) => return read,
                    None => return std::future::pending().await,
                }
            }
            if self.control_bytes > FREE_CONTROL_BYTES {
                sleep_until(self.read_at + CONTROL_INTERVAL).await;
            }
            // A terminal that hung up cannot be read; SIGHUP reports that.
            if self.read().await.is_err() {
                self.is_open = false;
            }
            self.read_at = Instant::now();
            self.control_bytes += self.received.len();
            self.control_lines.push(&self.received);
            self.received.clear();
        }
    }

    /// Reads more; returns `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        // On the heap: the stack may be small.
        let mut piece = vec![0; PIECE_BYTES];
        let len = self.input.read(&mut piece).await?;
        self.received.extend_from_slice(&piece[..len]);
        self.is_open = len > 0;
        Ok(self.is_open)
    }
}
