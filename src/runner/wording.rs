//! What sentences for a person have in common.

use std::io;

use nix::errno::Errno;

/// The system's words for a fault, as they stand within a sentence: `no such file or directory`.
pub(super) fn of_system(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None => fault.to_string(),
    }
}

/// The same text on one line: what would break it, or steer a terminal, is written out.
///
/// Paths, and what the tools print, may hold anything.
pub(super) fn one_line(text: &str) -> String {
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
