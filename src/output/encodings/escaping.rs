//! Escapes text like writers of JSON and HCL.

use std::fmt::Write;

/// How one writer escapes a string between quotes.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// `<`, `>` and `&` become `\u003c` and so on, as in Go's JSON encoder.
    html: bool,
    /// Everything outside ASCII becomes `\uXXXX`.
    ascii: bool,
    /// `/` as `\/`, as PHP's does.
    slashes: bool,
    /// `${` and `%{` doubled to `$${` and `%%{`.
    templates: bool,
}

/// The minimum that RFC 8259 requires.
pub(crate) const JSON: Style = Style {
    html: false,
    ascii: false,
    slashes: false,
    templates: false,
};
pub(crate) const JSON_FOR_HTML: Style = Style { html: true, ..JSON };
pub(crate) const JSON_ASCII: Style = Style {
    ascii: true,
    ..JSON
};
pub(crate) const JSON_OF_PHP: Style = Style {
    slashes: true,
    ..JSON_ASCII
};
pub(crate) const HCL: Style = Style {
    templates: true,
    ..JSON
};

/// Escapes a text for use between quotes.
pub(crate) fn escape(text: &str, style: Style) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '/' if style.slashes => escaped.push_str("\\/"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '$' | '%' if style.templates && rest.peek() == Some(&'{') => {
                escaped.push(c);
                escaped.push(c);
            }
            '\u{8}' if !style.templates => escaped.push_str("\\b"),
            '\u{c}' if !style.templates => escaped.push_str("\\f"),
            '<' | '>' | '&' if style.html => push_unicode(c, &mut escaped),
            '\u{2028}' | '\u{2029}' if style.html => push_unicode(c, &mut escaped),
            c if c < ' ' || (style.ascii && !c.is_ascii()) => push_unicode(c, &mut escaped),
            c => escaped.push(c),
        }
    }
    escaped
}

fn push_unicode(c: char, to: &mut String) {
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        // Writing to a String cannot fail.
        let _ = write!(to, "\\u{unit:04x}");
    }
}
