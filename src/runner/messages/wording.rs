//! Shared formatting of sentences for a person.

use std::io;

use nix::errno::Errno;

/// Returns the system's description of an error, for use within a sentence: `no such file or directory`.
pub(crate) fn of_system(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None => fault.to_string(),
    }
}

/// Returns the same text on one line: line breaks and characters that control a terminal are escaped.
///
/// Paths, and the output of the tools, may contain anything.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_stand_within_a_sentence() {
        let fault = io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(of_system(&fault), "no such file or directory");
        assert_eq!(of_system(&io::Error::other("did not end")), "did not end");
    }

    #[test]
    fn nothing_breaks_the_line() {
        assert_eq!(
            one_line("a\nb\r\u{1b}[31mc\u{94}é"),
            "a\\nb\\r\\u{1b}[31mc\\u{94}é"
        );
    }
}
