//! Finds the names of users in a value. A password that equals its user's name is shown where the name is shown.

use std::collections::HashSet;

use super::LONGEST_WORD;

/// Names of members, variables and options for a user name. In lower case.
const NAMES: [&str; 5] = ["user", "username", "login", "uid", "user id"];

/// Returns what a text assigns to the name of a user, in lower case: `"username": "name"`, `user=name`, `login: name`.
pub(super) fn names_in(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    for (at, separator) in text.match_indices([':', '=']) {
        let name = text[..at].trim_end_matches(is_between);
        let is_user = NAMES.iter().any(|it| ends_with_name(name, it));
        if !is_user {
            continue;
        }
        let rest = &text[at + separator.len()..];
        // In a URL, the password of a user follows: `user:password@host`.
        if separator == ":" && !rest.starts_with(is_between) {
            continue;
        }
        let value = rest.trim_start_matches(is_between);
        let len = value.find(|it| !is_of_name(it)).unwrap_or(value.len());
        if (1..=LONGEST_WORD).contains(&len) {
            found.insert(value[..len].to_ascii_lowercase());
        }
    }
    found
}

/// Returns whether a character may be between a name, the sign after it, and the value.
fn is_between(it: char) -> bool {
    matches!(it, ' ' | '\t' | '"' | '\'' | '\\')
}

fn is_of_name(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_' || it == '-'
}

/// Returns whether a text ends with a name, also with words before it: `db_username`.
fn ends_with_name(text: &str, name: &str) -> bool {
    let start = text.len().checked_sub(name.len());
    let end = start.and_then(|start| text.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_in_each_format() {
        let table: [(&str, &[&str]); 13] = [
            (
                r#"{"username":"admin_user","password":"x"}"#,
                &["admin_user"],
            ),
            (r#"{\"username\": \"admin_user\"}"#, &["admin_user"]),
            ("host=h user=admin_user password=x", &["admin_user"]),
            ("Server=h;User ID = Admin;Password=x", &["admin"]),
            ("db_user: 'admin_user'\n", &["admin_user"]),
            ("DB_USERNAME=admin_user", &["admin_user"]),
            ("login = \"admin_user\"", &["admin_user"]),
            ("password=admin_user", &[]),
            ("postgres://user:admin_user@h/d", &[]),
            ("app_user:admin_user@tcp(h)/d", &[]),
            ("{\"url\":\"https://login:admin_user@h\"}", &[]),
            ("user=", &[]),
            ("user=a-name-that-is-too-long", &[]),
        ];
        for (text, expected) in table {
            let expected: HashSet<String> = expected.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(names_in(text), expected, "{text}");
        }
    }
}
