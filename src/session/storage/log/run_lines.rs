//! Converts the pieces that a run prints into lines of the log.

use super::MAX_LINE_BYTES;

/// Splits the output of one run into lines, and skips those that the log already has.
///
/// A recovered run repeats its output from the first piece, maybe in other pieces. The lines are the same, so
/// counting them is enough.
#[derive(Debug)]
pub(crate) struct RunLines {
    run: String,
    unfinished: String,
    /// Number of lines that the log already has.
    known: u64,
}

impl RunLines {
    /// Creates the splitter for a run of which the log has `known` lines.
    pub(crate) const fn new(run: String, known: u64) -> Self {
        Self {
            run,
            unfinished: String::new(),
            known,
        }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Returns the new lines that end in this piece.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        self.unfinished.push_str(piece);
        let mut lines = Vec::new();
        let mut begin = 0;
        loop {
            let rest = &self.unfinished[begin..];
            let window = rest.floor_char_boundary(MAX_LINE_BYTES);
            if let Some(len) = rest[..window].find('\n') {
                lines.push(rest[..len].trim_end_matches('\r').to_owned());
                begin += len + 1;
            } else if rest.len() > window {
                lines.push(rest[..window].to_owned());
                begin += window;
            } else {
                break;
            }
        }
        self.unfinished.drain(..begin);
        self.unknown(lines)
    }

    /// Returns the last line, if it has no newline.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        let last = std::mem::take(&mut self.unfinished);
        let lines = if last.is_empty() {
            Vec::new()
        } else {
            vec![last]
        };
        self.unknown(lines)
    }

    /// Returns the line for a warning about the run; it is counted like a line that the run printed.
    pub(crate) fn warn(&mut self, message: &str) -> Vec<String> {
        self.unknown(vec![format!("[{message}]")])
    }

    fn unknown(&mut self, mut lines: Vec<String>) -> Vec<String> {
        let known = usize::try_from(self.known)
            .unwrap_or(usize::MAX)
            .min(lines.len());
        self.known -= known as u64;
        lines.drain(..known);
        lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(pieces: &[&str], known: u64) -> Vec<String> {
        let mut lines = RunLines::new("01-plan".into(), known);
        let mut all: Vec<_> = pieces.iter().flat_map(|piece| lines.push(piece)).collect();
        all.extend(lines.finish());
        all
    }

    #[test]
    fn lines_come_out_whole_and_the_last_one_needs_no_end() {
        assert_eq!(
            lines_of(&["a", "b\r\n\nc", "d"], 0),
            ["ab", "", "cd"],
            "an empty line is a line"
        );
        assert_eq!(lines_of(&["a\n"], 0), ["a"]);
        assert!(lines_of(&[], 0).is_empty());
    }

    #[test]
    fn a_line_without_end_does_not_grow_for_ever() {
        let long = "ä".repeat(MAX_LINE_BYTES);
        let lines = lines_of(&[&long], 0);
        assert!(lines.len() >= 2 && lines.iter().all(|line| line.len() <= MAX_LINE_BYTES));
        assert_eq!(lines.concat(), long);
    }

    proptest! {
        #[test]
        fn what_the_log_has_is_left_out_however_the_pieces_are_cut(
            text in "[a-z\n\r ä]{0,200}", cuts in prop::collection::vec(0_usize..200, 0..5), known in 0_u64..20
        ) {
            let whole = lines_of(&[&text], 0);
            let mut pieces = Vec::new();
            let mut rest = text.as_str();
            for cut in cuts {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(cut.min(rest.len())));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let skipped = usize::try_from(known).unwrap().min(whole.len());
            prop_assert_eq!(&lines_of(&pieces, known)[..], &whole[skipped..]);
        }
    }
}
