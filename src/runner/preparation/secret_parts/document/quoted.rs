//! Finds quoted strings that are assigned to something, in HCL and similar formats.

use std::ops::Range;

use super::member::Member;

/// An open bracket, and the name of its contents; empty if it has none.
struct Bracket<'a> {
    kind: char,
    name: &'a str,
}

/// Returns the quoted strings that are values: of an attribute, of an object member, of a list element. Names,
/// labels of blocks, arguments of functions and quotations in other text are skipped.
pub(crate) fn members_in(text: &str) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut brackets = Vec::new();
    let mut from = 0;
    for (open, close) in Strings::of(text) {
        follow(text, from..open, &mut brackets);
        from = close + 1;
        let after = text[close + 1..].trim_start_matches([' ', '\t']);
        let is_name =
            (after.starts_with('=') && !after.starts_with("==")) || after.starts_with(':');
        if !is_name && let Some(name) = name_of(&text[..open], brackets.last()) {
            let within = brackets.iter().rev().map(|it| it.name);
            let value = unescaped(&text[open..=close]);
            members.push(Member::new(name, within, value));
        }
    }
    members
}

/// Tracks the brackets in a part of a text without strings.
fn follow<'a>(text: &'a str, part: Range<usize>, brackets: &mut Vec<Bracket<'a>>) {
    let from = part.start;
    for (at, kind) in text[part].char_indices() {
        match kind {
            '{' | '[' | '(' => brackets.push(Bracket {
                kind,
                name: name_before(text[..from + at].trim_end()),
            }),
            '}' | ']' | ')' => {
                brackets.pop();
            }
            _ => {}
        }
    }
}

/// Returns the name of the value that follows a text in a bracket; empty for one in a list, `None` if no value can
/// follow.
fn name_of<'a>(before: &'a str, bracket: Option<&Bracket<'_>>) -> Option<&'a str> {
    let before = before.trim_end();
    let bracket = bracket.map(|it| it.kind);
    if bracket == Some('[') && before.ends_with(['[', ',']) {
        return Some("");
    }
    if !before.ends_with(['=', ':']) || bracket.is_some_and(|it| it != '{') {
        return None;
    }
    let name = name_before(before);
    let before_name = before[..before.len() - 1].trim_end().trim_end_matches('"');
    let before_name =
        before_name[..before_name.len() - name.len()].trim_end_matches(['"', ' ', '\t', '\r']);
    let is_first = before_name.is_empty()
        || before_name.ends_with(['\n', '{', ','])
        || before_name.ends_with("*/");
    let is_name = name.starts_with(|it: char| it.is_alphanumeric() || it == '_');
    (is_first && is_name).then_some(name)
}

/// Where the strings of a text begin and end, including their quotes.
struct Strings<'a> {
    text: &'a str,
    at: usize,
    /// Where the last comment between `/*` and `*/` ends.
    last_comment_end: usize,
}

impl<'a> Strings<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            last_comment_end: text.rfind("*/").unwrap_or(0),
        }
    }

    /// Returns where a comment ends that begins at a position. A comment may contain a single quote.
    fn end_of_comment(&self, at: usize) -> Option<usize> {
        let is_start = self.text[..at].ends_with(|c: char| c.is_whitespace() || "{[(".contains(c));
        if at > 0 && !is_start {
            return None;
        }
        let rest = &self.text[at..];
        if rest.starts_with("/*") {
            let is_closed = at < self.last_comment_end;
            return is_closed
                .then(|| rest.find("*/"))
                .flatten()
                .map(|end| at + end + 2);
        }
        let is_comment = rest.starts_with('#') || rest.starts_with("//");
        is_comment.then(|| rest.find('\n').map_or(self.text.len(), |end| at + end))
    }
}

impl Iterator for Strings<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let open = loop {
            let at = self.at + self.text.get(self.at..)?.find(['"', '#', '/'])?;
            if self.text[at..].starts_with('"') {
                break at;
            }
            self.at = self.end_of_comment(at).unwrap_or(at + 1);
        };
        let mut is_escaped = false;
        let close = self.text[open + 1..].find(|c| {
            let is_close = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_close
        })?;
        self.at = open + 1 + close + 1;
        Some((open, open + 1 + close))
    }
}

/// Returns the name before the `=` or `:` that ends a text.
fn name_before(text: &str) -> &str {
    let Some(text) = text.strip_suffix(['=', ':']) else {
        return "";
    };
    let text = text.trim_end().trim_end_matches('"');
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    &text[text.trim_end_matches(is_of_name).len()..]
}

/// Decodes a string. HCL escapes like JSON, except for templates.
pub(super) fn unescaped(quoted: &str) -> String {
    let unescaped = serde_json::from_str(quoted);
    let text: String = unescaped.unwrap_or_else(|_| quoted.trim_matches('"').to_owned());
    without_template_escapes(&text)
}

/// Returns a string of HCL with `${` and `%{` for their escapes `$${` and `%%{`.
pub(super) fn without_template_escapes(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::document::member::assignments;

    #[test]
    fn quotations_that_are_no_values_are_left_out() {
        for text in [
            "He said: \"default\", then left",
            "usage: set x = \"us-east-1\" or leave it",
            "echo [ $A == \"production\" ]",
            "first, \"second\", third",
            "lookup(var.a, \"default\")",
            "a == \"default\"",
            "x != \"default\"",
            "-var=\"a\"",
        ] {
            let found: Vec<_> = members_in(text).into_iter().map(|it| it.value).collect();
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_string_knows_the_names_of_what_it_is_in() {
        let text = "a = {\n  \"b-c\" = [\n    { d = \"e\" },\n  ]\n}\n";
        let found = members_in(text);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.within.clone(), it.name))
            .collect();
        assert_eq!(found, [(vec!["", "b-c", "a"], "d")]);
    }

    #[test]
    fn assigned_strings_are_found_with_their_names() {
        let table: [(&str, &[(&str, &str)]); 12] = [
            ("a = \"b\"", &[("a", "b")]),
            ("# 19\" rack\na = \"b\"\n// c = \"d\"", &[("a", "b")]),
            (
                "a = \"b\" # 19\" rack\nc = \"d\"",
                &[("a", "b"), ("c", "d")],
            ),
            ("{ /* 19\" rack */ a = \"b\" }", &[("a", "b")]),
            ("{ /* a = \"b\" }", &[]),
            ("a = \"b\"\nc = \"d#e\"", &[("a", "b"), ("c", "d#e")]),
            ("users:\n  token: \"b\"\n", &[("token", "b")]),
            (
                "{ \"a-b\" : \"c\\\"d\", e=\"f\" }",
                &[("a-b", "c\"d"), ("e", "f")],
            ),
            ("list = [\"a\", \"b\"]", &[("", "a"), ("", "b")]),
            (
                "block \"label\" \"other\" {\n  a = \"$${b}\"\n}",
                &[("a", "${b}")],
            ),
            ("a = \"open", &[]),
            ("say \"hello\"", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(assignments(&members_in(text)), expected, "{text}");
        }
    }
}
