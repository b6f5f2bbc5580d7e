//! Finds values that are assigned to a secret name: in the query of a URL, and in a connection string.

use percent_encoding::percent_decode;

use super::{Scope, Secret, add, add_pieces, references, scope_of};
use crate::protocol::is_secret_name;

/// Secret names in queries and connection strings that [`is_secret_name`] does not know: shared access signatures,
/// signed requests, ADO.NET, storage accounts. Without `-`, `_` and white space, in lower case.
const SHORT_NAMES: [&str; 12] = [
    "accesskey",
    "accountkey",
    "apikey",
    "connectionstring",
    "credential",
    "pass",
    "pwd",
    "sharedaccesskey",
    "sig",
    "signature",
    "xamzsignature",
    "xgoogsignature",
];
/// Longest name, including the white space after it: limits the work for a text that is not a connection string.
const MAX_NAME_BYTES: usize = 64;
/// Longest quoted value in which a `;` does not separate pairs: without a limit, each unclosed quote would be
/// searched for to the end of the text.
const MAX_QUOTED_BYTES: usize = 1024;
/// Most words of the last value of a connection string without quotes: more are a sentence.
const MAX_LAST_WORDS: usize = 2;
/// Names in connection strings with white space between pairs.
const CONNECTION_NAMES: [&[u8]; 8] = [
    b"database",
    b"dbname",
    b"host",
    b"hostaddr",
    b"port",
    b"server",
    b"user",
    b"username",
];
/// Separators of pairs in a query.
const QUERY_SEPARATORS: &[u8] = b"?&;#";
/// Separators of the words of a value that should have been quoted.
const WHITE_SPACE: &[u8] = b" \t";

/// Adds the secrets of a query, with or without a fragment after it. A value may be in the braces of JDBC.
pub(crate) fn add_of_query<'a>(query: &'a [u8], to: &mut Vec<Secret<'a>>) {
    for pair in split(query, QUERY_SEPARATORS, b"{") {
        let Some(value) = secret_of(pair) else {
            continue;
        };
        add_assigned(pair, value, to);
        add_without_quotes(pair, value, to);
        // Forms have a plus sign for a space.
        if value.contains(&b'+') {
            let spaced = value.iter().map(|&it| if it == b'+' { b' ' } else { it });
            let spaced: Vec<u8> = spaced.collect();
            to.push(Secret::anywhere(
                percent_decode(&spaced).collect::<Vec<u8>>(),
            ));
        }
    }
}

/// Returns the secrets of a connection string of at least so many pairs: `host=a password=b` on one line, or
/// `Server=a;Password=b`.
pub(crate) fn secrets_in(text: &[u8], min_pairs: usize) -> Vec<Secret<'_>> {
    let text = without_quotes(text.trim_ascii());
    let mut found = Vec::new();
    let starts = starts_of_pairs(text);
    if text.contains(&b'\n') || starts.first() != Some(&0) {
        return found;
    }
    let by_semicolons: Vec<&[u8]> = split(text, b";", b"'\"{").collect();
    let has_equals = |pair: &&&[u8]| pair.contains(&b'=');
    if starts
        .len()
        .max(by_semicolons.iter().filter(has_equals).count())
        < min_pairs
    {
        return found;
    }
    if by_semicolons.len() > 1 {
        let spaces = match by_semicolons.iter().all(|pair| is_pair(pair)) {
            true => Spaces::InValues,
            false => Spaces::EndValues,
        };
        for pair in by_semicolons {
            add_value(pair, spaces, &mut found);
        }
    }
    let pairs: Vec<&[u8]> = starts
        .iter()
        .zip(starts.iter().skip(1).copied().chain([text.len()]))
        .map(|(&start, end)| text[start..end].trim_ascii())
        .collect();
    let is_connection = pairs
        .iter()
        .any(|pair| CONNECTION_NAMES.contains(&name_of(pair)));
    for (at, pair) in pairs.iter().enumerate() {
        // After the last pair, or without the names of a connection, other text may follow.
        let is_last = at + 1 == pairs.len();
        let spaces = match is_connection && (!is_last || words_in(pair) <= MAX_LAST_WORDS) {
            true => Spaces::InValues,
            false => Spaces::EndValues,
        };
        add_value(pair, spaces, &mut found);
    }
    found
}

/// What white space means in a value without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spaces {
    /// The value contains it, although it should be quoted.
    InValues,
    /// The value ends before it: the text is a sentence or a command.
    EndValues,
}

/// Returns whether a text between semicolons assigns a value to a name.
fn is_pair(text: &[u8]) -> bool {
    let is_of_name = |it: &u8| it.is_ascii_alphanumeric() || b"_-. ".contains(it);
    let name = name_of(text);
    text.is_empty() || (name.len() < text.len() && name.iter().all(is_of_name))
}

/// Returns how many words the value of a pair has.
fn words_in(pair: &[u8]) -> usize {
    let value = pair
        .iter()
        .position(|&byte| byte == b'=')
        .map_or(0, |at| at + 1);
    let is_white_space = |it: &u8| WHITE_SPACE.contains(it);
    let words = pair[value..].split(is_white_space);
    words.filter(|word| !word.is_empty()).count()
}

/// Returns the name of a pair.
fn name_of(pair: &[u8]) -> &[u8] {
    let equals = pair.iter().position(|&byte| byte == b'=');
    pair[..equals.unwrap_or(pair.len())].trim_ascii()
}

/// Adds the value of a pair with a secret name, without its quotes, and in pieces if it lacks them.
fn add_value<'a>(mut pair: &'a [u8], spaces: Spaces, to: &mut Vec<Secret<'a>>) {
    let Some(value) = secret_of(pair) else {
        return;
    };
    let mut value = without_end_after_quotes(value);
    if spaces == Spaces::EndValues
        && !value.starts_with(b"'")
        && !value.starts_with(b"\"")
        && !value.starts_with(b"{")
        && let Some(end) = value.iter().position(|it| WHITE_SPACE.contains(it))
    {
        pair = &pair[..pair.len() - (value.len() - end)];
        value = &value[..end];
    }
    if references::is_assigned(name_of(pair), value) {
        return;
    }
    add_assigned(pair, value, to);
    if !add_without_quotes(pair, value, to) && value.iter().any(|it| WHITE_SPACE.contains(it)) {
        add_pieces(value, WHITE_SPACE, to);
    }
}

/// Adds a value in quotes or braces without these; returns whether it has them.
fn add_without_quotes<'a>(pair: &'a [u8], value: &'a [u8], to: &mut Vec<Secret<'a>>) -> bool {
    let [quote @ (b'\'' | b'"' | b'{'), quoted @ ..] = value else {
        return false;
    };
    let close = closing(*quote);
    let quoted = quoted.strip_suffix(&[close]).unwrap_or(quoted);
    add_assigned(pair, quoted, to);
    let doubled = [close, close];
    if quoted.windows(2).any(|pair| pair == doubled) {
        to.push(Secret::anywhere(without_doubled(quoted, close)));
    }
    if quoted.contains(&b'\\') {
        to.push(Secret::anywhere(without_backslashes(quoted)));
    }
    true
}

/// Removes what follows the quotes of a value, if it separates pairs.
fn without_end_after_quotes(value: &[u8]) -> &[u8] {
    let [quote @ (b'\'' | b'"' | b'{'), quoted @ ..] = value else {
        return value;
    };
    let close = end_of_quoted(quoted, closing(*quote));
    match close.map(|close| value.split_at(close + 2)) {
        Some((value, after)) if after.iter().all(|byte| b",; \t".contains(byte)) => value,
        _ => value,
    }
}

/// Adds a value; a common word is added together with the name to which it is assigned.
pub(super) fn add_assigned<'a>(pair: &'a [u8], value: &'a [u8], to: &mut Vec<Secret<'a>>) {
    if value.is_empty() {
        return;
    }
    if scope_of(value, b"") == Scope::Place {
        to.push(Secret::anywhere(pair));
    } else {
        add(value, b"", to);
    }
}

/// Returns whether a whole name is one of those that mark a secret.
pub(crate) fn is_short_name(name: &str) -> bool {
    let squeezed = name.replace(['-', '_', '.', ' '], "").to_ascii_lowercase();
    SHORT_NAMES.contains(&squeezed.as_str())
}

/// Returns the value of a pair with a secret name.
fn secret_of(pair: &[u8]) -> Option<&[u8]> {
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    let name = String::from_utf8_lossy(&pair[..equals]);
    is_name_of_secret(name.trim()).then(|| pair[equals + 1..].trim_ascii())
}

/// Returns whether a name in a query, a connection string or an option marks its value as secret.
pub(super) fn is_name_of_secret(name: &str) -> bool {
    is_secret_name(name) || is_short_name(name)
}

/// Removes the quotes around a connection string.
fn without_quotes(text: &[u8]) -> &[u8] {
    match text {
        [first @ (b'\'' | b'"'), inner @ .., last] if first == last => inner.trim_ascii(),
        _ => text,
    }
}

/// Returns the character that closes a quoted value; braces are used in ODBC.
const fn closing(quote: u8) -> u8 {
    match quote {
        b'{' => b'}',
        quote => quote,
    }
}

/// Returns the pairs between separators outside of values in these quotes. An unclosed quote does not count.
fn split<'a>(
    text: &'a [u8],
    separators: &'static [u8],
    quotes: &'static [u8],
) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = end_of_pair(rest, separators, quotes);
        let pair = rest[..end].trim_ascii();
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(pair)
    })
}

/// Returns where the first pair of a text ends.
fn end_of_pair(text: &[u8], separators: &[u8], quotes: &[u8]) -> usize {
    let next = |from: usize| {
        let len = text[from..].iter().position(|it| separators.contains(it));
        len.map_or(text.len(), |len| from + len)
    };
    let plain = next(0);
    let Some(equals) = text[..plain].iter().position(|&byte| byte == b'=') else {
        return plain;
    };
    let open = after_white_space(text, equals + 1);
    match text.get(open) {
        Some(quote) if quotes.contains(quote) => end_of_quoted(&text[open + 1..], closing(*quote))
            .map_or(plain, |len| next(open + 1 + len)),
        _ => plain,
    }
}

/// Returns where white space that begins at a position ends.
fn after_white_space(text: &[u8], at: usize) -> usize {
    let white_space = text[at..].iter().take_while(|it| WHITE_SPACE.contains(it));
    at + white_space.count()
}

/// Returns where a quoted value is closed; a doubled sign is part of the value. Values longer than
/// [`MAX_QUOTED_BYTES`] count as unclosed.
pub(super) fn end_of_quoted(text: &[u8], close: u8) -> Option<usize> {
    let text = &text[..text.len().min(MAX_QUOTED_BYTES)];
    let mut at = 0;
    loop {
        at += text[at..].iter().position(|&byte| byte == close)?;
        if text.get(at + 1) != Some(&close) {
            return Some(at);
        }
        at += 2;
    }
}

/// Decodes a value in which a doubled sign represents one.
pub(super) fn without_doubled(quoted: &[u8], sign: u8) -> Vec<u8> {
    let mut meant = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        meant.push(byte);
        if byte == sign {
            bytes.next_if_eq(&sign);
        }
    }
    meant
}

/// Returns where names followed by `=` begin, at the start of a text or after white space, outside of quotes.
fn starts_of_pairs(text: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if let Some(value) = value_of_pair_at(text, at) {
            starts.push(at);
            at = after_quotes(text, value);
        } else {
            at += 1;
        }
    }
    starts
}

/// Returns where the value of the pair that begins at a position begins, if there is one. The first name of a text
/// may have several words.
fn value_of_pair_at(text: &[u8], at: usize) -> Option<usize> {
    if !text[at].is_ascii_alphabetic() || (at > 0 && !WHITE_SPACE.contains(&text[at - 1])) {
        return None;
    }
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_ ".contains(byte);
    let end = text.len().min(at + MAX_NAME_BYTES);
    let end = at + text[at..end].iter().position(|byte| !is_of_name(byte))?;
    let is_one_word = !text[at..end].trim_ascii_end().contains(&b' ');
    (text[end] == b'=' && (is_one_word || at == 0)).then_some(end + 1)
}

/// Returns where a quoted value that begins at a position ends; the position itself if there is none.
fn after_quotes(text: &[u8], at: usize) -> usize {
    let open = after_white_space(text, at);
    if text.get(open) != Some(&b'\'') {
        return at;
    }
    let mut is_escaped = false;
    let close = text[open + 1..].iter().position(|&byte| {
        let is_close = byte == b'\'' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_close
    });
    close.map_or(at, |close| open + 1 + close + 1)
}

/// Decodes a value in which a backslash represents the next character.
pub(super) fn without_backslashes(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted.iter().copied();
    let mut meant = Vec::with_capacity(quoted.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'\\' {
            bytes.next()
        } else {
            Some(byte)
        };
        meant.extend(byte);
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    #[test]
    fn the_password_of_a_connection_string_is_found_also_when_it_is_badly_quoted() {
        let table: [(&str, &[&str]); 29] = [
            ("SECRET_KEY=abc123x python manage.py migrate", &["abc123x"]),
            ("SECRET_KEY=abc123x python manage.py A=b", &["abc123x"]),
            ("SECRET_KEY=abc123x python x; second command", &["abc123x"]),
            (
                "Use host=db user=me password=word99 to connect your application",
                &["word99"],
            ),
            (
                "login failed password=abc123x for account production",
                &["abc123x"],
            ),
            (
                "host=h user=u password=word99 and the application",
                &["word99"],
            ),
            ("password = postgres and more", &["password = postgres"]),
            (
                "host=h password=hunt er2secret dbname=d",
                &["hunt er2secret", "er2secret"],
            ),
            (
                "Driver={A B};UID=sa;PWD={hun;te}}r22};Database=d",
                &["{hun;te}}r22}", "hun;te}}r22", "hun;te}r22"],
            ),
            (
                "Server=h;Password=\"hunt;er\"\"22\";Database=d",
                &["\"hunt;er\"\"22\"", "hunt;er\"\"22", "hunt;er\"22"],
            ),
            ("'Server=h;Password=hunter22'", &["hunter22"]),
            (
                "Server=h;Password=\"hunter22;Database=d",
                &["\"hunter22", "hunter22"],
            ),
            ("host=h user=admin password=hunter22 port=1", &["hunter22"]),
            ("password = hunter22 host=h", &["hunter22"]),
            (
                "host=h password=hunter2 secret1",
                &["hunter2 secret1", "hunter2", "secret1"],
            ),
            ("host=h password=hunter2 for the site", &["hunter2"]),
            ("host=h password=hunter2=secret port=1", &["hunter2=secret"]),
            (
                r"password='hunt er2\'secret' port=1",
                &[
                    r"'hunt er2\'secret'",
                    r"hunt er2\'secret",
                    "hunt er2'secret",
                ],
            ),
            ("host=h password='hunter22", &["'hunter22", "hunter22"]),
            (
                "host=h user=postgres password=postgres port=1",
                &["password=postgres"],
            ),
            (
                "Server=h;User ID=sa;Password=hunt er22;Database=d",
                &["hunt er22"],
            ),
            (
                "password='hunter2 b=c' dbname=d",
                &["'hunter2 b=c'", "hunter2 b=c"],
            ),
            (
                "user=me password='postgres'",
                &["'postgres'", "password='postgres'"],
            ),
            ("User ID=sa;Password=hunter22", &["hunter22"]),
            (
                "AccountName=name;AccountKey=QUJDREVGRw==;EndpointSuffix=x",
                &["QUJDREVGRw=="],
            ),
            ("host=h user=administrator dbname=terraform", &[]),
            ("#!/bin/sh\npassword=hunter22 run", &[]),
            ("set password=hunter22", &["hunter22"]),
            (
                "username=\"u\" password=\"hunter22\";",
                &["\"hunter22\"", "hunter22"],
            ),
        ];
        for (value, expected) in table {
            let mut found = texts(&secrets_in(value.as_bytes(), 1));
            found.retain(|it| it.len() >= 5);
            found.dedup();
            assert!(
                expected.iter().all(|it| found.iter().any(|f| f == it)),
                "{value}: {found:?}"
            );
            assert!(
                found.iter().all(|it| expected.contains(&it.as_str())),
                "{value}: {found:?}"
            );
        }
    }
    #[test]
    fn quotes_that_are_not_closed_do_not_hold_up_the_search() {
        let text = format!("{}password=hunter22", "a={;".repeat(100_000));
        assert_eq!(
            texts(&secrets_in(text.as_bytes(), 1)),
            ["hunter22", "hunter22"]
        );
    }
}
