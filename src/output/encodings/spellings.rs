//! Produces every spelling of a value that is masked, without the code under test.

use std::fmt::Write;

use super::escaping::{HCL, JSON, JSON_ASCII, JSON_FOR_HTML, escape};

/// Characters that URL libraries leave unescaped besides letters and digits: Go's user info, path and query, RFC
/// 3986, Python's `quote`, JavaScript's `encodeURIComponent` and `encodeURI`, the WHATWG.
const LEFT_IN_URLS: [&str; 8] = [
    "-._~",
    "-._~$&+,;=",
    "-._~$&+,;=:@/!'()*",
    "-._~/",
    "-_.!~*'()",
    "-_.!~*'();/?:@&=+$,#",
    "-._~!$&'()*+,%",
    "",
];

/// Returns the spellings of existing writers, each with its name.
pub(crate) fn of_writers(value: &str) -> Vec<(&'static str, String)> {
    let json = escape(value, JSON);
    let php = escape(value, JSON_ASCII).replace('/', "\\/");
    let mut found = vec![
        ("as it is", value.to_owned()),
        ("JSON", json.clone()),
        ("JSON of Go", escape(value, JSON_FOR_HTML)),
        ("JSON of Python", escape(value, JSON_ASCII)),
        ("JSON of PHP", php.clone()),
        ("JSON of .NET", upper_unicode(value)),
        ("JSON in JSON", escape(&json, JSON)),
        ("JSON of PHP in JSON of Go", escape(&php, JSON_FOR_HTML)),
        (
            "JSON three times",
            escape(&escape(&escape(value, JSON_FOR_HTML), JSON), JSON_FOR_HTML),
        ),
        ("HCL", escape(value, HCL)),
        ("form", percent(value, "-._*", true).replace("%20", "+")),
        (
            "URL twice",
            percent(&percent(value, "-._~", true), "-._~", true),
        ),
        (
            "URL three times, lower",
            percent(&percent(&percent(value, "", false), "", false), "", false),
        ),
        ("HTML", html(value)),
        ("HTML twice", html(&html(value))),
        ("HTML by number", html_numbers(value, false)),
        ("HTML by hexadecimal number", html_numbers(value, true)),
        ("set -x", value.replace('\'', "'\\''")),
        ("shlex.quote", value.replace('\'', "'\"'\"'")),
        ("printf %q", backslashed(value)),
        ("bytes of Python", byte_escapes(value)),
        ("octal", octal(value)),
    ];
    for left in LEFT_IN_URLS {
        found.push(("URL", percent(value, left, true)));
        found.push(("URL, lower", percent(value, left, false)));
    }
    found
}

/// Returns a spelling that chooses a form for each character separately.
pub(crate) fn mixed(value: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().cycle();
    let mut text = String::new();
    for c in value.chars() {
        let one = c.to_string();
        let spelled = match choices.next().map_or(0, |it| it % 9) {
            1 => percent(&one, "", true),
            2 => percent(&one, "", false),
            3 => percent(&percent(&one, "", false), "", true),
            4 => upper_unicode_all(&one),
            5 => escape(&one, JSON_FOR_HTML),
            6 if c.is_ascii_punctuation() => format!("\\{c}"),
            7 => html_numbers(&one, true),
            8 => escape(&upper_unicode_all(&one), JSON),
            _ => escape(&one, JSON),
        };
        text.push_str(&spelled);
    }
    text
}

fn percent(value: &str, left: &str, upper: bool) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || left.as_bytes().contains(&byte) {
            text.push(char::from(byte));
        } else if upper {
            write!(text, "%{byte:02X}").unwrap();
        } else {
            write!(text, "%{byte:02x}").unwrap();
        }
    }
    text
}

fn upper_unicode(value: &str) -> String {
    let spell = |c: char| match c {
        '<' | '>' | '&' | '+' | '\'' | '"' => upper_unicode_all(&c.to_string()),
        c if !c.is_ascii() => upper_unicode_all(&c.to_string()),
        c => escape(&c.to_string(), JSON),
    };
    value.chars().map(spell).collect()
}

fn upper_unicode_all(value: &str) -> String {
    let mut text = String::new();
    for unit in value.encode_utf16() {
        write!(text, "\\u{unit:04X}").unwrap();
    }
    text
}

fn html(value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    value.replace('"', "&quot;").replace('\'', "&#39;")
}

fn html_numbers(value: &str, hexadecimal: bool) -> String {
    let spell = |c: char| match (c.is_ascii_alphanumeric(), hexadecimal) {
        (true, _) => c.to_string(),
        (false, true) => format!("&#x{:x};", u32::from(c)),
        (false, false) => format!("&#{};", u32::from(c)),
    };
    value.chars().map(spell).collect()
}

fn backslashed(value: &str) -> String {
    let spell = |c: char| match c {
        c if c.is_ascii_punctuation() || c == ' ' => format!("\\{c}"),
        c => c.to_string(),
    };
    value.chars().map(spell).collect()
}

fn byte_escapes(value: &str) -> String {
    let spell = |byte: u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    value.bytes().map(spell).collect()
}

fn octal(value: &str) -> String {
    let spell = |byte: u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\{byte:03o}"),
    };
    value.bytes().map(spell).collect()
}
