//! Finds passwords in files of programs that fetch modules and packages: `.netrc` and `.npmrc`.

use super::Secret;
use super::base64_text::{from_base64, password_in_base64};

/// Returns the passwords of `machine HOST login USER password PASSWORD` and of `//REGISTRY/:_authToken=TOKEN`.
pub(crate) fn secrets_in(text: &str) -> Vec<Secret<'_>> {
    let mut found = of_netrc(text);
    found.extend(text.lines().flat_map(of_npmrc_line));
    found
}

/// Parses a netrc file: words in pairs, over any number of lines; only `default` has no second word.
fn of_netrc(text: &str) -> Vec<Secret<'_>> {
    let mut found = Vec::new();
    let mut words = netrc_words(text);
    if !matches!(words.next(), Some("machine" | "default")) {
        return found;
    }
    while let Some(word) = words.next() {
        if matches!(word, "password" | "account")
            && let Some(value) = words.next()
        {
            found.push(Secret::anywhere(value.as_bytes()));
        }
    }
    found
}

/// Splits a text at white space outside of double quotes, and removes these.
fn netrc_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let quoted = rest.strip_prefix('"').and_then(|it| it.split_once('"'));
        let (word, after) = quoted.unwrap_or_else(|| {
            let end = rest.find(|c: char| c.is_ascii_whitespace());
            rest.split_at(end.unwrap_or(rest.len()))
        });
        rest = after;
        Some(word)
    })
}

/// Returns the value of a registry setting, and the password in it.
fn of_npmrc_line(line: &str) -> Vec<Secret<'_>> {
    let member = || {
        let (name, value) = line.trim().strip_prefix("//")?.split_once('=')?;
        let (_, name) = name.trim_end().rsplit_once(':')?;
        let value = value.trim().trim_matches('"');
        ["_authToken", "_auth", "_password"]
            .contains(&name)
            .then_some((name, value))
    };
    let Some((name, value)) = member() else {
        return Vec::new();
    };
    let password = match name {
        "_password" => from_base64(value),
        _ => password_in_base64(value),
    };
    let password = password.map(|password| Secret::anywhere(password.into_bytes()));
    [Secret::anywhere(value.as_bytes())]
        .into_iter()
        .chain(password)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    #[test]
    fn passwords_of_netrc_and_npmrc_are_found() {
        let table: [(&str, &[&str]); 11] = [
            ("machine a.b login c password d", &["d"]),
            (
                "machine a\n\tlogin b\n\tpassword \"c\"\nmachine d password e",
                &["c", "e"],
            ),
            ("default login anonymous password a@b", &["a@b"]),
            ("machine a password \"b c\" account d", &["b c", "d"]),
            ("machine a password \"b c", &["\"b"]),
            ("the machine has a password here", &[]),
            ("machine a login b", &[]),
            ("//a.b/c/:_authToken=d", &["d"]),
            (
                "registry=https://a.b/\n//a.b/:_auth = \"dXNlcjpodW50ZXIyMg==\"\n//a.b/:email=c",
                &["dXNlcjpodW50ZXIyMg==", "hunter22"],
            ),
            (
                "//a.b/:_password=aHVudGVyMjJhYmNk\n//a.b/:username=c",
                &["aHVudGVyMjJhYmNk", "hunter22abcd"],
            ),
            ("// a comment = b", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(texts(&secrets_in(text)), expected, "{text}");
        }
    }
}
