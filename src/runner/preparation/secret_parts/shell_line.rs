//! Finds secrets in the words of a command line as a shell reads them: `--password word`, `'--password=two words'`,
//! `--password='it'\''s'`, `-e DATABASE_URL='host=h password=word'`.

use super::assignments::{is_reference, is_secret_option};
use super::pairs::{add_assigned, without_backslashes};
use super::{Secret, assignments, pairs};

/// Most assignments in one word that are looked into: `Environment="OPTIONS=--password=word"`.
const MAX_DEPTH: usize = 4;
/// Least number of pairs for the value of an ordinary name to be a connection string.
const MIN_PAIRS: usize = 2;
/// Characters that a backslash escapes in double quotes.
const ESCAPED_IN_QUOTES: &[u8] = b"\"\\$`!";

/// What the lines of a text hold if a shell reads them.
#[derive(Default)]
pub(super) struct ShellText {
    /// The secrets in words that have quotes or backslashes, in words after an option, and in each line that is one word
    /// itself, such as an element of a list.
    pub(super) secrets: Vec<Secret<'static>>,
    /// The words that have quotes or backslashes, without these.
    pub(super) quoted_words: Vec<Vec<u8>>,
}

impl ShellText {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut read = Self::default();
        for line in text.split(|byte| b"\r\n".contains(byte)) {
            read.take_line(line);
        }
        read
    }

    fn take_line(&mut self, line: &[u8]) {
        let found = &mut self.secrets;
        add_of_value(line.trim_ascii(), found);
        let words = words(line);
        for pair in words.windows(2) {
            add_of_option(&pair[0].text, &pair[1].text, found);
        }
        for word in words.into_iter().filter(|word| word.is_quoted) {
            found.extend(owned(assignments::secrets_in(&word.text)));
            found.extend(owned(pairs::secrets_in(&word.text, MIN_PAIRS)));
            add_of_value(&word.text, found);
            self.quoted_words.push(word.text);
        }
    }
}

/// Adds the value of an option that is a word of its own, after `--password`.
pub(super) fn add_of_option(option: &[u8], value: &[u8], to: &mut Vec<Secret<'static>>) {
    let is_option = option.starts_with(b"--") && end_of_name(option).is_none();
    if is_option
        && !value.starts_with(b"-")
        && is_secret_option(option)
        && !is_reference(option, value)
    {
        let pair = [option, b" ", value].concat();
        let mut assigned = Vec::new();
        add_assigned(&pair, value, &mut assigned);
        to.extend(owned(assigned));
    }
}

/// Adds what a word assigns to a secret name, up to the end of the word, and the connection strings that it assigns.
fn add_of_value(word: &[u8], to: &mut Vec<Secret<'static>>) {
    let mut rest = word;
    for _ in 0..MAX_DEPTH {
        let Some(equals) = end_of_name(rest) else {
            return;
        };
        let (pair, name) = (rest, &rest[..equals]);
        rest = &rest[equals + 1..];
        let first_word = rest.split(u8::is_ascii_whitespace).next();
        if is_reference(name, first_word.unwrap_or_default()) {
            return;
        }
        let is_secret = is_secret_option(name);
        // A value with quotes of its own ends with them.
        if is_secret && !rest.starts_with(b"'") && !rest.starts_with(b"\"") {
            let mut assigned = Vec::new();
            add_assigned(pair, rest, &mut assigned);
            to.extend(owned(assigned));
            if rest.contains(&b'\\') {
                to.push(Secret::anywhere(without_backslashes(rest)));
            }
        }
        let min_pairs = if is_secret { 1 } else { MIN_PAIRS };
        to.extend(owned(pairs::secrets_in(rest, min_pairs)));
    }
}

/// Returns where the name of an assignment that begins a word ends.
fn end_of_name(word: &[u8]) -> Option<usize> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let end = word.iter().position(|byte| !is_of_name(byte))?;
    (end > 0 && word[end] == b'=').then_some(end)
}

fn owned<'a>(secrets: Vec<Secret<'a>>) -> impl Iterator<Item = Secret<'static>> {
    secrets.into_iter().map(Secret::into_owned)
}

/// Returns the words without quotes and backslashes. A quote that is not closed represents itself.
fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    // An unclosed quote is looked for once.
    let mut unclosed = Vec::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        at += 1;
        match byte {
            b' ' | b'\t' => words.extend(std::mem::take(&mut word).end()),
            b'\\' => {
                word.is_quoted = true;
                word.text.extend(line.get(at));
                at += 1;
            }
            quote @ (b'\'' | b'"') if !unclosed.contains(&quote) => {
                let is_ansi = quote == b'\'' && word.text.ends_with(b"$");
                match end_of_quotes(&line[at..], quote, is_ansi) {
                    Some(len) => {
                        let quoted = &line[at..at + len];
                        if is_ansi {
                            word.text.pop();
                            word.text.extend(without_backslashes(quoted));
                        } else if quote == b'"' {
                            word.text.extend(without_escapes(quoted));
                        } else {
                            word.text.extend(quoted);
                        }
                        word.is_quoted = true;
                        at += len + 1;
                    }
                    None => {
                        unclosed.push(quote);
                        word.text.push(quote);
                    }
                }
            }
            byte => word.text.push(byte),
        }
    }
    words.extend(word.end());
    words
}

#[derive(Default)]
struct Word {
    text: Vec<u8>,
    is_quoted: bool,
}

impl Word {
    fn end(self) -> Option<Self> {
        (self.is_quoted || !self.text.is_empty()).then_some(self)
    }
}

/// Returns where quotes are closed; a backslash escapes the next character, but not in single quotes.
fn end_of_quotes(text: &[u8], quote: u8, is_ansi: bool) -> Option<usize> {
    let has_escapes = quote == b'"' || is_ansi;
    let mut is_escaped = false;
    text.iter().position(|&byte| {
        let is_end = byte == quote && !is_escaped;
        is_escaped = has_escapes && byte == b'\\' && !is_escaped;
        is_end
    })
}

/// Decodes a text in double quotes.
fn without_escapes(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted.iter().copied().peekable();
    let mut meant = Vec::with_capacity(quoted.len());
    while let Some(byte) = bytes.next() {
        let escaped = bytes.next_if(|next| byte == b'\\' && ESCAPED_IN_QUOTES.contains(next));
        meant.push(escaped.unwrap_or(byte));
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let table: [(&str, &[&str]); 9] = [
            ("plain words", &[]),
            ("a 'b c' d", &["b c"]),
            (r#"a='b'\''c' "d\"e\x" f\ g"#, &["a=b'c", r#"d"e\x"#, "f g"]),
            (r#"'a'"'"'b'"#, &["a'b"]),
            (r"$'it\'s' $x", &["it's"]),
            (r"'a\' b", &[r"a\"]),
            ("don't \"do it\"", &["do it"]),
            ("an \"open 'a b'", &["a b"]),
            ("end\\", &["end"]),
        ];
        for (line, expected) in table {
            let words: Vec<_> = ShellText::of(line.as_bytes())
                .quoted_words
                .into_iter()
                .map(|it| String::from_utf8(it).unwrap())
                .collect();
            assert_eq!(words, expected, "{line}");
        }
    }

    #[test]
    fn quoted_secrets_of_a_command_are_found_as_the_program_gets_them() {
        let table: [(&str, &str); 22] = [
            ("run '--password=hunt er22' -x", "hunt er22"),
            ("docker run -e \"DB_PASSWORD=hunt er22\" image", "hunt er22"),
            ("--password=hunt er22", "hunt er22"),
            ("docker login -u me --password hunter22 h", "hunter22"),
            ("run --api-key 'hunt er22'", "hunt er22"),
            ("'--password=hunt'\"'\"'er22'", "hunt'er22"),
            (r"run --password='hunt'\''er22' -x", "hunt'er22"),
            (r"run --password='hunter\' -x", r"hunter\"),
            (r#"run --password="hunter\"" -x"#, "hunter\""),
            (r#"run -e "DB_PASSWORD=hunt\"er22" -x"#, "hunt\"er22"),
            (r"run --password=hunt\$er22 -x", "hunt$er22"),
            (r"run --password=hunt\ er22 -x", "hunt er22"),
            (r"run --password=$'hunt\'er22' -x", "hunt'er22"),
            (r#"helm --set "a=b,db.password=hunt\,er22""#, "hunt,er22"),
            (r"db.password=hunt\=er22", "hunt=er22"),
            (
                "run -e DATABASE_URL='host=h user=u password=hunter22 dbname=x' image",
                "hunter22",
            ),
            (
                "<add name=\"d\" connectionString=\"Data Source=h;User ID=sa;Password=hunter22;\" />",
                "hunter22",
            ),
            ("-e DSN=\"Server=h;Password=hunter22\" image", "hunter22"),
            ("DATABASE_URL=host=h password=hunter22 user=u", "hunter22"),
            ("--connection-string=Server=h;Password=hunter22", "hunter22"),
            ("Environment=\"DB_PASSWORD=hunt er22\"", "hunt er22"),
            (
                "--connection-string=\"AccountName=a;AccountKey=aHVudGVy==;E=x\"",
                "aHVudGVy==",
            ),
        ];
        for (text, expected) in table {
            let found = texts(&ShellText::of(text.as_bytes()).secrets);
            assert!(found.iter().any(|it| it == expected), "{text}: {found:?}");
        }
    }

    #[test]
    fn ordinary_words_are_not_secret() {
        for text in [
            "run 'a b' --user=\"me you\"",
            "docker login --password-stdin registry --token-file path",
            "run --password --verbose; run --password $PASSWORD -password hunter22",
            "password='$PASSWORD' -x",
            "password=$(get it) 'x y'",
            "token='' \"=x\"",
            "echo \"password: x\" 'a=b c=d'",
        ] {
            assert_eq!(
                texts(&ShellText::of(text.as_bytes()).secrets),
                [""; 0],
                "{text}"
            );
        }
    }

    #[test]
    fn many_quotes_do_not_hold_up_the_search() {
        let text = "'\"\\".repeat(200_000);
        assert!(ShellText::of(text.as_bytes()).secrets.is_empty());
    }
}
