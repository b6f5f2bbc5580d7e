//! `result.json`: written to a temporary file, synced, and renamed.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use serde::Serialize;

use super::claim::{ClaimedDir, could_not};
use super::{Durability, RESULT, RESULT_PART};
use crate::output::Captured;
use crate::protocol::RunResult;

/// Output sizes to try, in order, for a result that has to fit into the reserved space of a full disk.
const SHORT_OUTPUT_BYTES: [usize; 3] = [16 * 1024, 4 * 1024, 0];

/// The output of a result; a long one is not held in memory.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ResultOutput {
    Captured(Captured),
    Text(String),
}

/// A result to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: RunResult<()>,
    pub(super) output: ResultOutput,
    /// The end of the output, for a disk without room for more.
    pub(super) tail: String,
}

impl Outgoing {
    /// Writes the result, shortened if the disk accepts no more.
    ///
    /// # Errors
    /// A sentence, also if the result was written with truncated output.
    pub(super) fn write(
        &self,
        claim: &mut ClaimedDir,
        durability: Durability,
        got_on: &dyn Fn(),
    ) -> Result<(), String> {
        let whole = self.frame.clone().with_output(&self.output);
        let Err(fault) = write_one(claim, durability, &whole, got_on) else {
            return Ok(());
        };
        let is_there = shortened(&self.frame, &self.tail)
            .any(|short| write_one(claim, durability, &short, got_on).is_ok());
        let sentence = could_not("write", &claim.directory.path_of(RESULT), &fault);
        Err(if is_there {
            format!("{sentence}: it is stored with its output cut")
        } else {
            sentence
        })
    }
}

fn write_one(
    claim: &mut ClaimedDir,
    durability: Durability,
    result: &impl Serialize,
    got_on: &dyn Fn(),
) -> io::Result<()> {
    let directory = &claim.directory;
    let part = match claim.part.take() {
        Some(part) if directory.is_under(RESULT_PART, &part)? => part,
        // Another process has replaced it by its own file.
        Some(_) => {
            let _ = directory.remove(RESULT_PART);
            directory.create(RESULT_PART)?
        }
        None => directory.create(RESULT_PART)?,
    };
    let part = claim.part.insert(part);
    write_whole(part, result, got_on)?;
    claim.directory.rename(RESULT_PART, RESULT)?;
    if durability == Durability::Record {
        claim.directory.sync()?;
    }
    Ok(())
}

/// Overwrites the reserved space instead of appending.
fn write_whole(mut part: &File, result: &impl Serialize, got_on: &dyn Fn()) -> io::Result<()> {
    part.rewind()?;
    let mut writer = BufWriter::with_capacity(64 * 1024, Telling { part, got_on });
    serde_json::to_writer(&mut writer, result)?;
    writer.write_all(b"\n")?;
    writer.flush()?;
    drop(writer);
    let len = part.stream_position()?;
    part.set_len(len)?;
    part.sync_all()
}

/// Reports after each piece that the disk accepted it.
struct Telling<'a> {
    part: &'a File,
    got_on: &'a dyn Fn(),
}

impl Write for Telling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.part.write(bytes)?;
        (self.got_on)();
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns results with only the end of their output, each shorter than the one before.
pub(crate) fn shortened(frame: &RunResult<()>, tail: &str) -> impl Iterator<Item = RunResult> {
    SHORT_OUTPUT_BYTES.iter().map(move |len| {
        let start = tail.ceil_char_boundary(tail.len().saturating_sub(*len));
        let mut short = frame.clone().with_output(tail[start..].to_owned());
        short.output_truncated = short.output.len() as u64 != short.output_bytes;
        short
    })
}
