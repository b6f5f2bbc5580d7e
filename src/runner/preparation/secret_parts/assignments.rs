//! Finds values that are assigned to a secret name without white space, anywhere in a line: options of a command,
//! variables, and lists of settings, such as `--password=word`, `-e DB_PASSWORD=word` and `host:6380,password=word`.

use super::pairs::{
    add_assigned, end_of_quoted, is_name_of_secret, without_backslashes, without_doubled,
};
use super::{Secret, references};

/// Longest name; limits the work for a text that consists of names.
const MAX_NAME_BYTES: usize = 128;
/// Separate one assignment from the next, if a name follows.
const SEPARATORS: &[u8] = b",;&";
/// May follow the quote that ends a string around an assignment.
const CLOSERS: &[u8] = b"\"'`,;:)]}";

/// Returns the secrets in the lines of a text.
pub(crate) fn secrets_in(text: &[u8]) -> Vec<Secret<'_>> {
    let mut found = Vec::new();
    for line in text.split(|byte| b"\r\n".contains(byte)) {
        add_of_line(line, &mut found);
    }
    found
}

fn add_of_line<'a>(line: &'a [u8], to: &mut Vec<Secret<'a>>) {
    let mut at = 0;
    while let Some(equals) = line[at..].iter().position(|&byte| byte == b'=') {
        let name = name_before(&line[at..at + equals]);
        at += equals + 1;
        if !is_secret_option(name) {
            continue;
        }
        let value = Value::at(&line[at..]);
        if !value.is_reference(name) {
            value.add(&line[at - 1 - name.len()..at + value.end], to);
        }
        at += value.end;
    }
}

/// Returns the name that ends a text.
fn name_before(text: &[u8]) -> &[u8] {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let len = text
        .iter()
        .rev()
        .take(MAX_NAME_BYTES)
        .take_while(is_of_name)
        .count();
    &text[text.len() - len..]
}

/// Returns whether the name of an option, with its dashes, or of a variable marks its value as secret.
pub(super) fn is_secret_option(name: &[u8]) -> bool {
    // Options of Java define properties.
    let name = name.strip_prefix(b"-D").unwrap_or(name);
    let name = String::from_utf8_lossy(name);
    is_name_of_secret(name.trim_start_matches('-'))
}

/// A value behind an `=`.
struct Value<'a> {
    /// Without its quotes.
    text: &'a [u8],
    /// Where the text begins.
    start: usize,
    /// The character that closes it, if it is in quotes.
    close: Option<u8>,
    /// Where it ends, with its quotes.
    end: usize,
}

impl<'a> Value<'a> {
    fn at(line: &'a [u8]) -> Self {
        let close = match line.first() {
            Some(quote @ (b'"' | b'\'')) => Some(*quote),
            Some(b'{') => Some(b'}'),
            _ => None,
        };
        let len = close.and_then(|close| end_of_string(&line[1..], close));
        if let Some(len) = len {
            return Self {
                text: &line[1..=len],
                start: 1,
                close,
                end: len + 2,
            };
        }
        let end = end_of_unquoted(line);
        let start = usize::from(line.starts_with(b"\""));
        let text = without_closers(&line[..end]);
        Self {
            text: text.get(start..).unwrap_or_default(),
            start,
            close: None,
            end,
        }
    }

    /// Returns whether another value takes its place. In quotes, an `=` does not compare, and in single quotes a shell
    /// runs nothing.
    fn is_reference(&self, name: &[u8]) -> bool {
        match (self.close, self.text) {
            (Some(_), [b'=', ..]) | (Some(b'\''), [b'`', ..]) => false,
            _ => is_reference(name, self.text),
        }
    }

    fn add(&self, pair: &'a [u8], to: &mut Vec<Secret<'a>>) {
        add_assigned(pair, self.text, to);
        if self.text.contains(&b'\\') {
            to.push(Secret::anywhere(without_backslashes(self.text)));
        }
        let Some(close) = self.close else {
            let value = before_delimiter(self.text);
            if value.len() < self.text.len() {
                let start = pair.len() - self.end + self.start;
                add_assigned(&pair[..start + value.len()], value, to);
            }
            return;
        };
        if self.text.windows(2).any(|it| it == [close, close]) {
            to.push(Secret::anywhere(without_doubled(self.text, close)));
        }
    }
}

/// Returns whether a shell or Terraform replaces a value by another one, or the `=` before it compares.
pub(super) fn is_reference(name: &[u8], value: &[u8]) -> bool {
    if references::is_assigned(name, value) {
        return true;
    }
    let is_of_variable = |it: &u8| it.is_ascii_uppercase() || b"_0123456789".contains(it);
    match value {
        [b'$', b'(', ..] | [b'$', b'{', .., b'}'] | [b'`' | b'=', ..] => true,
        [b'$', name @ ..] => name.iter().all(is_of_variable),
        _ => false,
    }
}

/// Returns where a quoted value is closed. A backslash escapes the next character in quotes, but not in braces.
fn end_of_string(text: &[u8], close: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + end_of_quoted(&text[at..], close)?;
        let slashes = text[..end]
            .iter()
            .rev()
            .take_while(|&&it| it == b'\\')
            .count();
        if close == b'}' || slashes % 2 == 0 {
            return Some(end);
        }
        at = end + 1;
    }
}

/// Returns where a value without quotes ends: before white space, and where the next assignment begins.
fn end_of_unquoted(line: &[u8]) -> usize {
    let is_end = |at: usize| {
        line[at].is_ascii_whitespace()
            || (SEPARATORS.contains(&line[at]) && begins_with_name(&line[at + 1..]))
    };
    (0..line.len()).find(|&at| is_end(at)).unwrap_or(line.len())
}

/// Returns whether a text begins with a name and `=`. A name may have several words.
fn begins_with_name(text: &[u8]) -> bool {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.- ".contains(byte);
    let len = text
        .iter()
        .take(MAX_NAME_BYTES)
        .take_while(is_of_name)
        .count();
    len > 0 && text.get(len) == Some(&b'=')
}

/// Returns a value without quotes up to what may end it in other text: a bracket that it does not open, a pipe or
/// redirection, or punctuation at its end.
fn before_delimiter(value: &[u8]) -> &[u8] {
    let mut open = Vec::new();
    let end = value.iter().position(|&byte| match byte {
        b'(' | b'[' | b'{' => {
            open.push(byte);
            false
        }
        b')' => open.pop() != Some(b'('),
        b']' => open.pop() != Some(b'['),
        b'}' => open.pop() != Some(b'{'),
        byte => b"|<>&;".contains(&byte),
    });
    let mut value = &value[..end.unwrap_or(value.len())];
    while let [shorter @ .., b'.' | b',' | b':' | b';' | b'!' | b'?'] = value {
        value = shorter;
    }
    value
}

/// Removes the end of a string or list around an assignment, and a separator.
fn without_closers(value: &[u8]) -> &[u8] {
    let is_closer = |byte: &&u8| CLOSERS.contains(byte);
    let closers = value.iter().rev().take_while(is_closer).count();
    let first_closer = value.len() - closers;
    let quote = value[first_closer..]
        .iter()
        .position(|byte| b"\"'`".contains(byte));
    let mut value = &value[..quote.map_or(value.len(), |at| first_closer + at)];
    while let [shorter @ .., last] = value
        && SEPARATORS.contains(last)
    {
        value = shorter;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    #[test]
    fn assigned_values_are_found_anywhere_in_a_line() {
        let table: [(&str, &[&str]); 44] = [
            ("mysql --host=h --password=hunter22 --b", &["hunter22"]),
            ("--api-key='k3y-v4lue' --passive=123456", &["k3y-v4lue"]),
            ("run --password='hunt er 22' --x", &["hunt er 22"]),
            ("run --password=\"hunt er 22\" --x", &["hunt er 22"]),
            (
                r#"run --password="hunt\"er 22" --x"#,
                &[r#"hunt\"er 22"#, "hunt\"er 22"],
            ),
            ("--password=\"hunter 22", &["hunter"]),
            ("--opts=\"--password=hunter22\"", &["hunter22"]),
            (
                "first\ndocker run -e DB_PASSWORD=hunter22 nginx",
                &["hunter22"],
            ),
            ("--from-literal=password=hunter22", &["hunter22"]),
            ("ENV API_KEY=hunter22", &["hunter22"]),
            ("API_KEY=hunter22,OTHER=y", &["hunter22"]),
            ("--set auth.password=hunter22,auth.user=me", &["hunter22"]),
            ("--set db.pass=hunt,er22", &["hunt,er22"]),
            (
                "-Xmx1m -Djavax.net.ssl.keyStorePassword=hunter22 -Dpwd=hunter23",
                &["hunter22", "hunter23"],
            ),
            (
                "c.redis.cache.windows.net:6380,password=hunter22=,ssl=True",
                &["hunter22="],
            ),
            ("host=h,password=hunter22,user=u", &["hunter22"]),
            (
                "PlainLoginModule required username=\"u\" password=\"hunter22\";",
                &["hunter22"],
            ),
            ("?sv=2020&ss=b&sig=hunter22&se=2030", &["hunter22"]),
            (
                "SharedAccessSignature sr=abc&sig=hunt%2Ber&se=9",
                &["hunt%2Ber", "hunt+er"],
            ),
            ("Password=hunter22;User Id=sa;", &["hunter22"]),
            ("x; PWD={hun;te}}r22}; y=z", &["hun;te}}r22", "hun;te}r22"]),
            ("x = \"dsn password=hunter22\", y", &["hunter22"]),
            ("[x=\"token=hunter22\"]", &["hunter22"]),
            ("f(token=hunter22)", &["hunter22)", "hunter22"]),
            ("f(user=u,token=hunter(22))", &["hunter(22))", "hunter(22)"]),
            (
                "{username=u, password=hunter22}",
                &["hunter22}", "hunter22"],
            ),
            ("run --token=hunter22|sh", &["hunter22|sh", "hunter22"]),
            ("run --token=hunter22&", &["hunter22"]),
            (
                "(see https://h/?token=hunter22).",
                &["hunter22).", "hunter22"],
            ),
            ("use password=hunter22. Then", &["hunter22.", "hunter22"]),
            ("password=postgres", &["password=postgres"]),
            ("password = hunter22", &[]),
            ("password= hunter22", &[]),
            ("run --password='=hunter22' --x", &["=hunter22"]),
            ("run -e DB_PASSWORD='`hunter22' --x", &["`hunter22"]),
            ("token=\"`get-it`\" x", &[]),
            ("if password==hunter22 or password!=hunter22", &[]),
            ("token=$(get-it) password=$PASSWORD pwd=${PWD}", &[]),
            ("password=$hunter22", &["$hunter22"]),
            ("pass_through=hunter22 token_id=hunter22", &[]),
            ("the password=, and", &[]),
            ("=hunter22", &[]),
            ("password='' token=\"\"", &[]),
            ("a=b", &[]),
        ];
        for (text, expected) in table {
            let mut found = texts(&secrets_in(text.as_bytes()));
            found.retain(|it| it.len() >= 6);
            found.dedup();
            assert_eq!(found, expected, "{text}");
        }
    }
}
