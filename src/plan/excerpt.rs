//! Text that is safe to show: on one line, of bounded length.

/// Escapes characters that move a cursor, end a line, or change the text direction.
pub(super) fn one_line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c.is_control() => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// Returns the beginning of a text, on one line.
pub(super) fn excerpt(text: &str, max_chars: usize) -> String {
    cut(&one_line(text), max_chars)
}

/// Returns the beginning of a text.
pub(super) fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
