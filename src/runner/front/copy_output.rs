//! Copies the relay to the front's stdout as fast as its reader accepts it.

use std::io;
use std::sync::Arc;

use super::panic_hook::FrontProgress;
use crate::process::Output;
use crate::runner::link::relay::RelayReader;

/// Most bytes copied to stdout at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The outcome of an attempt to write to stdout.
#[derive(Debug)]
pub(crate) enum Advance {
    Copied,
    ReaderGone,
    /// A write failed although a reader may exist.
    Failed(io::Error),
}

/// Why nothing more is written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    ReaderGone,
    Failed,
    /// A second signal came before everything was written.
    GivenUp,
}

/// The relay, and the progress of copying it to stdout.
#[derive(Debug)]
pub(crate) struct Stdout {
    output: Output,
    pub(crate) relay: RelayReader,
    piece: Vec<u8>,
    pub(crate) progress: Arc<FrontProgress>,
    end: Option<End>,
}

impl Stdout {
    pub(crate) fn new(relay: RelayReader, progress: Arc<FrontProgress>) -> io::Result<Self> {
        Ok(Self {
            output: Output::stdout()?,
            relay,
            piece: Vec::new(),
            progress,
            end: None,
        })
    }

    /// Returns whether stdout may be incomplete although its reader wanted all of it.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self.end, Some(End::Failed | End::GivenUp))
    }

    /// Copies a piece of the relay, as much as stdout accepts. Never returns if there is nothing to copy or no
    /// reader. Cancel safe.
    pub(crate) async fn advance(&mut self) -> Advance {
        if self.end.is_some() {
            return std::future::pending().await;
        }
        let written = match self.fill() {
            Ok(has_piece) => tokio::select! {
                () = self.output.reader_gone() => Err(io::ErrorKind::BrokenPipe.into()),
                written = self.output.write(&self.piece), if has_piece => written,
            },
            Err(fault) => Err(fault),
        };
        self.account(written)
    }

    /// Returns whether something is left to copy, and stdout may accept it.
    pub(crate) fn has_more(&mut self) -> bool {
        // `advance` reports read errors.
        self.end.is_none() && self.fill().unwrap_or(true)
    }

    /// Appends a document to what is left to copy; after it nothing is read from the relay.
    pub(crate) fn append(&mut self, document: &[u8]) {
        self.piece.extend_from_slice(document);
    }

    /// Stops copying.
    pub(crate) const fn give_up(&mut self) {
        self.end = Some(End::GivenUp);
    }

    /// Reads from the relay if nothing is buffered; returns whether there is something to write.
    fn fill(&mut self) -> io::Result<bool> {
        if self.piece.is_empty() {
            self.piece.resize(PIECE_BYTES, 0);
            let read = self.relay.read(&mut self.piece);
            self.piece.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        Ok(!self.piece.is_empty())
    }

    fn account(&mut self, written: io::Result<usize>) -> Advance {
        match written {
            Ok(len) => {
                self.progress.wrote(&self.piece[..len]);
                self.piece.drain(..len);
                Advance::Copied
            }
            Err(fault) if is_reader_gone(&fault) => {
                self.end = Some(End::ReaderGone);
                Advance::ReaderGone
            }
            Err(fault) => {
                self.end = Some(End::Failed);
                Advance::Failed(fault)
            }
        }
    }
}

fn is_reader_gone(fault: &io::Error) -> bool {
    // A terminal that hung up fails with EIO.
    fault.kind() == io::ErrorKind::BrokenPipe || fault.raw_os_error() == Some(libc::EIO)
}
