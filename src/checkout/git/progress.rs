//! Converts git's stderr into lines that may be shown.

use anstream::adapter::strip_str;

use super::mask::GitMask;

/// Most bytes of a line that are processed; secrets are masked in all of them.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Most characters of a line that are shown.
const MAX_SHOWN_CHARS: usize = 1000;

/// Prefix that git adds to lines from a server.
const REMOTE: &str = "remote:";
/// Progress messages of a server's git.
const PROGRESS_OF_SERVER: [&str; 4] = [
    "Enumerating objects: ",
    "Counting objects: ",
    "Compressing objects: ",
    "Total ",
];

/// A line of git, and whether it is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitLine<'a> {
    /// A final line.
    Line(&'a str),
    /// Progress of a phase, which git overwrites with the next message.
    Progress(&'a str),
}

/// Splits input that arrives in pieces into lines, and makes each safe to show.
///
/// A carriage return ends a message that git overwrites. Of each progress phase, the last such message becomes a
/// line.
#[derive(Debug)]
pub(crate) struct ProgressLines<'a> {
    mask: &'a GitMask,
    line: Vec<u8>,
    /// The last message about a phase of this git, unless it was reported as a line.
    passing: Option<String>,
    /// The same of the server's git, which may speak in the middle of a phase here.
    passing_of_server: Option<String>,
    hides_words_of_servers: bool,
    /// A carriage return within a line that began as one of the server's: the rest belongs to the server too.
    is_within_remote: bool,
}

impl<'a> ProgressLines<'a> {
    pub(crate) const fn new(mask: &'a GitMask) -> Self {
        Self {
            mask,
            line: Vec::new(),
            passing: None,
            passing_of_server: None,
            hides_words_of_servers: false,
            is_within_remote: false,
        }
    }

    /// Leaves out text that a server chose, such as the body of an error page; its progress stays.
    pub(crate) fn without_words_of_servers(mut self) -> Self {
        self.hides_words_of_servers = true;
        self
    }

    pub(crate) fn push(&mut self, bytes: &[u8], mut tell: impl FnMut(GitLine<'_>)) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let text = piece.strip_suffix(b"\n").or(piece.strip_suffix(b"\r"));
            let text = text.unwrap_or(piece);
            let room = MAX_LINE_BYTES - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            match piece.last() {
                Some(b'\n') => self.end_line(&mut tell),
                Some(b'\r') => self.pass(&mut tell),
                _ => {}
            }
        }
    }

    /// Reports text without a line end.
    pub(crate) fn finish(&mut self, mut tell: impl FnMut(GitLine<'_>)) {
        self.end_line(&mut tell);
        keep(&mut self.passing_of_server, &mut tell);
        keep(&mut self.passing, &mut tell);
    }

    fn end_line(&mut self, tell: &mut impl FnMut(GitLine<'_>)) {
        if self.line.is_empty() {
            // The line end of the message before.
            keep(&mut self.passing, tell);
        }
        let line = self.take_shown();
        self.is_within_remote = false;
        if line.is_empty() {
            return;
        }
        if !line.starts_with(REMOTE) {
            keep(&mut self.passing_of_server, tell);
        }
        let passing = self.transient_of(&line);
        leave_phase(passing, &line, tell);
        *passing = None;
        tell(GitLine::Line(&line));
    }

    fn pass(&mut self, tell: &mut impl FnMut(GitLine<'_>)) {
        let line = self.take_shown();
        if line.is_empty() {
            return;
        }
        let passing = self.transient_of(&line);
        leave_phase(passing, &line, tell);
        tell(GitLine::Progress(&line));
        *passing = Some(line);
    }

    /// Returns the last message of the git that a line comes from.
    fn transient_of(&mut self, line: &str) -> &mut Option<String> {
        match line.starts_with(REMOTE) {
            true => &mut self.passing_of_server,
            false => &mut self.passing,
        }
    }

    fn take_shown(&mut self) -> String {
        let shown = shown(&self.line, self.mask);
        self.line.clear();
        let is_of_server = if shown.starts_with(REMOTE) {
            self.is_within_remote = true;
            !is_progress_of_server(&shown)
        } else {
            self.is_within_remote
        };
        match self.hides_words_of_servers && is_of_server {
            true => String::new(),
            false => shown,
        }
    }
}

/// Reports the last message about a phase when the next message is about another phase.
fn leave_phase(passing: &mut Option<String>, next: &str, tell: &mut impl FnMut(GitLine<'_>)) {
    let is_left = |last: &mut String| phase(last) != phase(next);
    if let Some(line) = passing.take_if(is_left) {
        tell(GitLine::Line(&line));
    }
}

fn keep(passing: &mut Option<String>, tell: &mut impl FnMut(GitLine<'_>)) {
    if let Some(line) = passing.take() {
        tell(GitLine::Line(&line));
    }
}

fn is_progress_of_server(line: &str) -> bool {
    let words = line.strip_prefix(REMOTE).unwrap_or(line).trim_start();
    PROGRESS_OF_SERVER.iter().any(|it| words.starts_with(it))
}

/// Returns the phase of a progress message: everything before its first number.
fn phase(line: &str) -> &str {
    let end = line.find(|it: char| it.is_ascii_digit());
    line[..end.unwrap_or(line.len())].trim_end()
}

/// Returns a line without terminal control sequences, masked, and no longer than the limit.
pub(crate) fn shown(line: &[u8], mask: &GitMask) -> String {
    let text = String::from_utf8_lossy(line);
    let plain: String = strip_str(&text)
        .to_string()
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    let masked = mask.apply(plain.trim_end());
    match masked.char_indices().nth(MAX_SHOWN_CHARS) {
        None => masked,
        Some((end, _)) => format!("{}…", &masked[..end]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkout::source::Credentials;

    fn lines_of(mask: &GitMask, text: &[u8], size: usize) -> Vec<String> {
        let mut progress = ProgressLines::new(mask);
        let mut lines = Vec::new();
        let mut tell = |said: GitLine<'_>| match said {
            GitLine::Line(line) => lines.push(line.to_owned()),
            GitLine::Progress(_) => {}
        };
        for piece in text.chunks(size) {
            progress.push(piece, &mut tell);
        }
        progress.finish(&mut tell);
        lines
    }

    #[test]
    fn of_each_phase_the_last_word_is_a_line() {
        let text = "Cloning into 'a'...\nremote: Counting objects:   1% (1/99)\rremote: Counting objects: 100% (99/99)\r\
                    remote: Counting objects: 100% (99/99), done.\nReceiving objects:  10% (1/10)\r\
                    Receiving objects:  50% (5/10), 1.2 MiB | 2 MiB/s\rReceiving objects: 100% (10/10), done.\n\
                    Resolving deltas:   9% (1/11)\rfatal: early EOF\nUpdating files:  20% (1/5)\r";
        assert_eq!(
            lines_of(&mask(), text.as_bytes(), 5),
            [
                "Cloning into 'a'...",
                "remote: Counting objects: 100% (99/99), done.",
                "Receiving objects: 100% (10/10), done.",
                "Resolving deltas:   9% (1/11)",
                "fatal: early EOF",
                "Updating files:  20% (1/5)",
            ]
        );
    }

    #[test]
    fn a_line_of_the_server_ends_no_phase_here() {
        let text = "remote: Counting objects:  50% (1/2)\rremote: Counting objects: 100% (2/2), done.\n\
                    Receiving objects:   0% (1/506)\rremote: Total 506 (delta 0)\nReceiving objects:  50% (253/506)\r\
                    remote: Compressing objects:  50% (1/2)\rReceiving objects: 100% (506/506), done.\n";
        assert_eq!(
            lines_of(&mask(), text.as_bytes(), 5),
            [
                "remote: Counting objects: 100% (2/2), done.",
                "remote: Total 506 (delta 0)",
                "remote: Compressing objects:  50% (1/2)",
                "Receiving objects: 100% (506/506), done.",
            ]
        );
    }

    #[test]
    fn progress_is_told_as_it_comes() {
        let mask = mask();
        let mut progress = ProgressLines::new(&mask);
        let mut told = Vec::new();
        progress.push(b"Receiving:   1% (1/2)\rReceiving:   5%\rNext\n", |said| {
            if let GitLine::Progress(word) = said {
                told.push(word.to_owned());
            }
        });
        assert_eq!(told, ["Receiving:   1% (1/2)", "Receiving:   5%"]);
    }

    fn mask() -> GitMask {
        GitMask::of(
            &Credentials::token("hunter2hunter2".into()),
            std::iter::empty(),
        )
    }

    #[test]
    fn lines_are_the_same_however_they_came_in_and_are_masked() {
        let text = b"Receiving 1%\rReceiving 100%\r\n\nremote: \x1b[31mred\x1b[0m\x07 hunter2hunter2\tx\nlast";
        for size in 1..text.len() {
            assert_eq!(
                lines_of(&mask(), text, size),
                ["Receiving 100%", "remote: red *** x", "last"],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let text = "x".repeat(10 * MAX_LINE_BYTES);
        let lines = lines_of(&mask(), text.as_bytes(), 999);
        assert_eq!(lines, [format!("{}…", "x".repeat(MAX_SHOWN_CHARS))]);
    }

    #[test]
    fn a_secret_behind_control_characters_is_found() {
        let lines = lines_of(&mask(), b"hunter2\x1b[0m\x00hunter2\n", 100);
        assert_eq!(lines, ["***"]);
    }

    proptest! {
        #[test]
        fn no_line_holds_a_control_character(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1..50usize) {
            for line in lines_of(&mask(), &bytes, size) {
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn words_of_servers_are_left_out_and_their_progress_is_not() {
        let mask = GitMask::of(&Credentials::None, [].into_iter());
        let mut progress = ProgressLines::new(&mask).without_words_of_servers();
        let mut told = Vec::new();
        let text =
            b"remote: <html>secret\r\nremote: a\rb\rc\nremote: Counting objects:  50% (1/2)\r\
            remote: Counting objects: 100% (2/2), done.\nfatal: it failed\nremote: last";
        let mut tell = |it: GitLine<'_>| {
            if let GitLine::Line(line) = it {
                told.push(line.to_owned());
            }
        };
        progress.push(text, &mut tell);
        progress.finish(&mut tell);
        assert_eq!(
            told,
            [
                "remote: Counting objects: 100% (2/2), done.",
                "fatal: it failed"
            ]
        );
    }
}
