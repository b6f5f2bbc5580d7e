//! Strings in quotes that are assigned to something, in HCL and what looks like it.

/// A string and the name to which it is assigned; no name for an element of a list.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) value: String,
}

/// The strings in quotes behind `=`, `:`, `[` or `,`: labels of blocks and names are left out.
pub(super) fn members_in(text: &str) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut from = 0;
    while let Some((open, close)) = next_string(text, from) {
        from = close + 1;
        let before = text[..open].trim_end();
        let after = text[close + 1..].trim_start();
        let is_value = before.ends_with(['=', ':', '[', ',']);
        let is_name = after.starts_with('=') || after.starts_with(':');
        if is_value && !is_name {
            members.push(Member {
                name: name_before(before),
                value: unescaped(&text[open..=close]),
            });
        }
    }
    members
}

/// Where the next string begins and ends, its quotes included.
fn next_string(text: &str, from: usize) -> Option<(usize, usize)> {
    let open = from + text.get(from..)?.find('"')?;
    let mut is_escaped = false;
    let close = text[open + 1..].find(|c| {
        let is_close = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_close
    })?;
    Some((open, open + 1 + close))
}

/// The name before the `=` or `:` that ends a text.
fn name_before(text: &str) -> &str {
    let Some(text) = text.strip_suffix(['=', ':']) else {
        return "";
    };
    let text = text.trim_end().trim_end_matches('"');
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    &text[text.trim_end_matches(is_of_name).len()..]
}

/// A string as it is meant. HCL escapes as JSON does, but for templates.
fn unescaped(quoted: &str) -> String {
    let unescaped = serde_json::from_str(quoted);
    let text: String = unescaped.unwrap_or_else(|_| quoted.trim_matches('"').to_owned());
    text.replace("$${", "${").replace("%%{", "%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_strings_are_found_with_their_names() {
        let table: [(&str, &[(&str, &str)]); 6] = [
            ("a = \"b\"", &[("a", "b")]),
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
            let found = members_in(text);
            let found: Vec<_> = found
                .iter()
                .map(|it| (it.name, it.value.as_str()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
