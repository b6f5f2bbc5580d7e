//! What is assigned line by line: in YAML, in environment files, in credentials files of clouds.

/// The values without their quotes, and the names to which they are assigned: of `name: value`, `- name: value`,
/// `name = value` and `export NAME=value`. What has more than a name before the `=` or `:` is left out.
pub(super) fn members_in(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(member_of).collect()
}

fn member_of(line: &str) -> Option<(&str, &str)> {
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix("- ") {
        line = rest.trim_start();
    }
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let is_of_name = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let (name, rest) = line.split_at(line.find(|c| !is_of_name(c))?);
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let value = match rest.strip_prefix(':') {
        // Without white space behind it, a colon does not end a name in YAML.
        Some(value) if value.starts_with([' ', '\t']) => value,
        Some(_) => return None,
        None => rest.trim_start().strip_prefix('=')?,
    };
    let value = without_quotes(value.trim());
    // What begins an object, a list or a text of several lines is no value by itself.
    let is_value = !value.is_empty() && !value.starts_with(['{', '[', '|', '>']);
    is_value.then_some((name, value))
}

/// A value without its quotes, or without the comment behind it.
fn without_quotes(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some((quoted, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.rsplit_once(quote))
        {
            return quoted;
        }
    }
    value
        .split_once(" #")
        .map_or(value, |(value, _)| value.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_assigned_is_found_without_quotes_and_comments() {
        let table: [(&str, &[(&str, &str)]); 13] = [
            ("A=b", &[("A", "b")]),
            (
                "export A_B='c d'\r\nE = \"f\"",
                &[("A_B", "c d"), ("E", "f")],
            ),
            (
                "users:\n- name: a\n  user:\n    token: b-c # new",
                &[("name", "a"), ("token", "b-c")],
            ),
            ("- - client-secret: 'it''s'", &[("client-secret", "it''s")]),
            (
                "[default]\naws_secret_access_key = a/b=",
                &[("aws_secret_access_key", "a/b=")],
            ),
            ("a.b.c=d", &[("a.b.c", "d")]),
            ("# A=b\n; A=b", &[]),
            ("A B=c", &[]),
            ("http://host/path", &[]),
            ("a:b", &[]),
            ("1a=b", &[]),
            ("A=\nB:\nC", &[]),
            ("a = { b = \"c\" }\nd: [e]\nf: |\n  g\n", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(members_in(text), expected, "{text}");
        }
    }
}
