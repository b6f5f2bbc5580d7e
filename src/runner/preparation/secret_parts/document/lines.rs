//! Parses line-by-line assignments: in YAML, environment files, credentials files of clouds, and HCL with heredocs.

use super::member::Member;
use super::quoted::unescaped;

/// Encloses a string of TOML over several lines.
const TOML_QUOTES: &str = "\"\"\"";
/// Most lines of such a string: limits the search for its end.
const MAX_LINES_OF_STRING: usize = 256;

/// Returns the unquoted values of `name: value`, `- name: value`, `name = value`, `export NAME=value`, and of `-
/// value`. Lines with more than a name before the `=` or `:` are skipped.
pub(crate) fn members_in(text: &str) -> Vec<Member<'_>> {
    let mut reader = LineReader::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        reader.read(line, &mut lines);
    }
    reader.members
}

#[derive(Default)]
struct LineReader<'a> {
    members: Vec<Member<'a>>,
    /// The names that a value may be nested under, with their indentation.
    open: Vec<(usize, &'a str)>,
}

impl<'a> LineReader<'a> {
    fn read(&mut self, line: &'a str, following: &mut (impl Iterator<Item = &'a str> + Clone)) {
        let mut content = line.trim_start();
        if content.is_empty() || content.starts_with(['#', ';']) {
            return;
        }
        let mut indent = line.len() - content.len();
        let mut is_element = false;
        while let Some(rest) = content.strip_prefix("- ") {
            is_element = true;
            content = rest.trim_start();
            // A list may have the same indentation as its name.
            indent += 1;
        }
        while self.open.pop_if(|(open, _)| *open >= indent).is_some() {}
        let content = content.trim_end();
        if let Some(inner) = content.strip_prefix('{') {
            return self.read_flow("", inner, true, following);
        }
        let Some((name, value, is_yaml)) = assigned(content) else {
            if is_element {
                self.add("", without_quotes(content));
            }
            return;
        };
        self.read_value(name, value, indent, following);
        if is_yaml && is_plain(value) {
            self.read_continuation(name, value, indent, following);
        }
        if is_yaml && value.is_empty() {
            self.open.push((indent, name));
        }
    }

    /// Reads the lines of a plain scalar of YAML after the line with its name.
    fn read_continuation(
        &mut self,
        name: &'a str,
        value: &str,
        indent: usize,
        following: &mut (impl Iterator<Item = &'a str> + Clone),
    ) {
        let continues = |line: &str| indent_of(line) > indent && is_plain_line(line.trim());
        let lines = take_while(following, continues);
        if !lines.is_empty() {
            self.add(name, format!("{value} {lines}").trim().replace('\n', " "));
        }
    }

    fn read_value(
        &mut self,
        name: &'a str,
        value: &'a str,
        indent: usize,
        following: &mut (impl Iterator<Item = &'a str> + Clone),
    ) {
        if value.starts_with("<<") {
            self.add(name, heredoc(value, following));
        } else if let Some(first) = value.strip_prefix(TOML_QUOTES)
            && is_closed_below(first, following)
        {
            let lines = take_while(following, |line| !line.trim_end().ends_with(TOML_QUOTES));
            let last = following.next().unwrap_or_default().trim();
            let last = last.strip_suffix(TOML_QUOTES).unwrap_or(last);
            self.add(name, format!("{first}\n{lines}\n{last}").trim().to_owned());
        } else if is_block_header(value) {
            let is_below = |line: &str| line.trim().is_empty() || indent_of(line) > indent;
            let lines = take_while(following, is_below);
            self.add(name, lines);
        } else if let Some(inner) = value.strip_prefix(['{', '[']) {
            self.read_flow(name, inner, false, following);
        } else {
            self.add_written(name, value);
            self.add(name, shell_word(value).unwrap_or_default());
        }
    }

    /// Parses the rest of a mapping or list within one line, after the first brace or bracket. HCL objects look
    /// like this too, except for the colons.
    fn read_flow(
        &mut self,
        name: &'a str,
        inner: &'a str,
        is_yaml_only: bool,
        following: &mut (impl Iterator<Item = &'a str> + Clone),
    ) {
        for part in inner.split([',', '{', '[', '}', ']']).map(str::trim) {
            match assigned(part) {
                Some((inner_name, value, _)) if value.starts_with("<<") => {
                    self.add_below(name, inner_name, &heredoc(value, following));
                }
                Some((_, _, false)) if is_yaml_only => {}
                Some((inner_name, value, _)) => self.add_below(name, inner_name, value),
                None => self.add_below(name, "", part),
            }
        }
    }

    fn add_below(&mut self, outer: &'a str, name: &'a str, value: &str) {
        if outer.is_empty() && name.is_empty() {
            return;
        }
        self.open.push((usize::MAX, outer));
        self.add_written(name, value);
        self.open.pop();
    }

    /// Adds a value without its quotes, and first as it is meant if it has escapes.
    fn add_written(&mut self, name: &'a str, value: &str) {
        let written = without_quotes(value);
        if value.starts_with('"') && written.contains('\\') {
            self.add(name, unescaped(&format!("\"{written}\"")));
        }
        self.add(name, written);
    }

    fn add(&mut self, name: &'a str, value: String) {
        if value.is_empty() {
            return;
        }
        let within = self.open.iter().rev().map(|(_, name)| *name);
        self.members.push(Member::new(name, within, value));
    }
}

/// Returns the name, the value as written, and whether they are YAML.
fn assigned(text: &str) -> Option<(&str, &str, bool)> {
    let command = ["export ", "set ", "ENV ", "ARG ", "$env:"]
        .iter()
        .find_map(|it| text.strip_prefix(it));
    let text = command.unwrap_or(text).trim_start();
    let is_of_name = |c: char| c.is_alphanumeric() || "_.-/@$".contains(c);
    let (name, rest) = match text.strip_prefix(['"', '\'']) {
        Some(quoted) => {
            let (name, rest) = quoted.split_once(&text[..1])?;
            // Without a colon, it is a value.
            (name, rest.strip_prefix(':').map(|_| rest)?)
        }
        None => text.split_at(text.find(|c| !is_of_name(c))?),
    };
    match rest.trim_start().strip_prefix(':') {
        // In YAML, a colon without white space after it does not end a name.
        Some(value) if value.is_empty() || value.starts_with([' ', '\t']) => {
            let is_name = name.contains(char::is_alphanumeric) && !name.starts_with('-');
            is_name.then(|| (name, without_anchor(value.trim()), true))
        }
        Some(_) => None,
        None => {
            let is_name = name.starts_with(|c: char| c.is_alphabetic() || "_.".contains(c));
            let value = rest.trim_start().strip_prefix('=')?.trim();
            is_name.then_some((name, value, false))
        }
    }
}

/// Returns a YAML value without its anchor, tag or a comment in its place.
fn without_anchor(value: &str) -> &str {
    match value.split_once(char::is_whitespace) {
        Some((mark, value)) if mark.starts_with(['&', '!']) => without_anchor(value.trim_start()),
        None if value.starts_with(['&', '!']) => "",
        _ if value.starts_with('#') => "",
        _ => value,
    }
}

/// Returns a value without its quotes, or without the comment after it. YAML doubles a single quote within single
/// quotes.
fn without_quotes(value: &str) -> String {
    for quotes in ["'''", TOML_QUOTES] {
        let quoted = value
            .strip_prefix(quotes)
            .and_then(|rest| rest.rsplit_once(quotes));
        if let Some((quoted, _)) = quoted {
            return quoted.to_owned();
        }
    }
    for quote in ['\'', '"'] {
        if let Some((quoted, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.rsplit_once(quote))
        {
            return match quote {
                '\'' => quoted.replace("''", "'"),
                _ => quoted.to_owned(),
            };
        }
    }
    let without_comment = value.split_once(" #").map(|(value, _)| value.trim_end());
    without_comment.unwrap_or(value).to_owned()
}

/// Returns whether a string of TOML over several lines has its end in the next lines.
fn is_closed_below<'a>(first: &str, following: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
    let mut lines = following.clone().take(MAX_LINES_OF_STRING);
    !first.contains(TOML_QUOTES) && lines.any(|line| line.trim_end().ends_with(TOML_QUOTES))
}

/// Takes the lines of a heredoc that begins with `<<END` or `<<-END`.
fn heredoc<'a>(start: &str, following: &mut (impl Iterator<Item = &'a str> + Clone)) -> String {
    let end = start.trim_start_matches(['<', '-']);
    take_while(following, |line| line.trim() != end)
}

/// Returns whether a YAML value is the text in the lines below: `|` or `>`, with signs and digits, or a comment.
fn is_block_header(value: &str) -> bool {
    let header = value.split(" #").next().unwrap_or_default().trim_end();
    let signs = header.strip_prefix(['|', '>']);
    signs.is_some_and(|signs| {
        signs
            .chars()
            .all(|it| "+-".contains(it) || it.is_ascii_digit())
    })
}

/// Returns whether a YAML value is neither quoted nor marked as a block, a flow or a heredoc.
fn is_plain(value: &str) -> bool {
    !value.starts_with(['"', '\'', '|', '>', '{', '[', '<'])
}

/// Returns whether a line may continue a plain scalar: it is no element, no comment, and assigns nothing.
fn is_plain_line(line: &str) -> bool {
    is_plain(line)
        && !line.starts_with(['#', ';', '-'])
        && !line.is_empty()
        && assigned(line).is_none()
}

/// Returns the value of a shell word with an apostrophe: `'it'\''s'`, `'it'"'"'s'` or `$'it\'s'`.
fn shell_word(value: &str) -> Option<String> {
    const APOSTROPHES: [&str; 2] = [r"'\''", "'\"'\"'"];
    if let Some(quoted) = value.strip_prefix("$'") {
        let quoted = quoted.strip_suffix('\'').unwrap_or(quoted);
        return Some(quoted.replace("\\'", "'").replace("\\\\", "\\"));
    }
    let quoted = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let has_any = APOSTROPHES.iter().any(|it| quoted.contains(it));
    has_any.then(|| {
        APOSTROPHES
            .iter()
            .fold(quoted.to_owned(), |text, it| text.replace(it, "'"))
    })
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Takes lines as long as they match, and returns them without their indentation.
fn take_while<'a>(
    lines: &mut (impl Iterator<Item = &'a str> + Clone),
    fits: impl Fn(&str) -> bool,
) -> String {
    let mut taken = Vec::new();
    while let Some(line) = lines.clone().next().filter(|line| fits(line)) {
        taken.push(line.trim());
        lines.next();
    }
    taken.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::document::member::assignments;

    #[test]
    fn what_is_assigned_is_found_without_quotes_and_comments() {
        let table: [(&str, &[(&str, &str)]); 30] = [
            ("A=b", &[("A", "b")]),
            (
                "export A_B='c d'\r\nE = \"f\"",
                &[("A_B", "c d"), ("E", "f")],
            ),
            (
                "users:\n- name: a\n  user:\n    token: b-c # new",
                &[("name", "a"), ("token", "b-c")],
            ),
            ("- - client-secret: 'it''s'", &[("client-secret", "it's")]),
            (
                "[default]\naws_secret_access_key = a/b=",
                &[("aws_secret_access_key", "a/b=")],
            ),
            ("a.b.c=d", &[("a.b.c", "d")]),
            (
                "$env:A = \"b\"\nENV C=d\nset E=f",
                &[("A", "b"), ("C", "d"), ("E", "f")],
            ),
            ("\"a b\": c\n'd': \"e\"", &[("a b", "c"), ("d", "e")]),
            ("\"a\": &b c\nd : !!str 'e'", &[("a", "c"), ("d", "e")]),
            ("a: # b\n  c: d\ne: &f\n  g: h", &[("c", "d"), ("g", "h")]),
            ("{a: b, \"c\": d, e}", &[("a", "b"), ("c", "d")]),
            ("- {a: b}", &[("a", "b")]),
            ("\"a\"\n'b'", &[]),
            ("# A=b\n; A=b", &[]),
            ("A B=c", &[]),
            ("http://host/path", &[]),
            ("a:b", &[]),
            ("1a=b", &[]),
            ("A=\nB:\nC", &[]),
            ("- a\n- - b\n  - 'c'", &[("", "a"), ("", "b"), ("", "c")]),
            ("a: |\n  b c\n\n  d\ne: f", &[("a", "b c\n\nd"), ("e", "f")]),
            ("a = <<-EOT\n  b\n  EOT\nc = d", &[("a", "b"), ("c", "d")]),
            ("a:\n  b c\n  d\ne: f", &[("a", "b c d"), ("e", "f")]),
            (
                "a: b\n  c\n  d: e\n",
                &[("a", "b"), ("a", "b c"), ("d", "e")],
            ),
            ("a = <<EOT\nb\nEOT\nc = d", &[("a", "b"), ("c", "d")]),
            ("{ a = <<EOT\nb\nEOT\n}", &[("a", "b")]),
            (
                "a = \"\"\"\nb\nc\"\"\"\nd = e",
                &[("a", "b\nc"), ("d", "e")],
            ),
            ("A=$'b\\'c'", &[("A", "$'b\\'c'"), ("A", "b'c")]),
            ("A='b'\"'\"'c'", &[("A", "b'\"'\"'c"), ("A", "b'c")]),
            (
                "a: {b: c, d: [e, \"f\"]}",
                &[("b", "c"), ("", "e"), ("", "f")],
            ),
        ];
        for (text, expected) in table {
            assert_eq!(assignments(&members_in(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_value_knows_what_it_is_in() {
        let text = "a:\n  b:\n  - c\n  - d: e\n    f: g\n  h: i\nj: k\nl: { m: n }\n";
        let found = members_in(text);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.within.clone(), it.name, it.value.as_str()))
            .collect();
        let expected = [
            (vec!["b", "a"], "", "c"),
            (vec!["b", "a"], "d", "e"),
            (vec!["b", "a"], "f", "g"),
            (vec!["a"], "h", "i"),
            (vec![], "j", "k"),
            (vec!["l"], "m", "n"),
        ];
        assert_eq!(found, expected);
    }
}
