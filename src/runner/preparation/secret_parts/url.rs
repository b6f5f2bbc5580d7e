//! Finds the secrets in URLs, including those that their contents make invalid.

use super::{Secret, add, add_pieces, pairs};

/// Separates the scheme of a URL from its authority.
const SCHEME_END: &[u8] = b"://";
/// Characters that end an authority.
const AUTHORITY_END: &[u8] = b"/?#";
/// Characters that end a URL in text, but not one that is the whole value.
const URL_END: &[u8] = b" \t\"'<>";
/// Characters that a user info cannot contain; tools that find one there show the text between them.
const SEPARATORS: &[u8] = b":/?#[]@ ";
/// Schemes for which a user without a password is a token, as git hosts accept it.
const TOKEN_SCHEMES: [&[u8]; 2] = [b"http", b"https"];
/// How the address begins in a data source name of Go's MySQL driver, with the sign before it.
const ADDRESSES: [&[u8]; 4] = [b"@tcp(", b"@tcp6(", b"@unix(", b"@cloudsql("];
/// Characters before a user in other text.
const USER_START: &[u8] = b" \t\"'`=,;([{";
/// The password that says that the user is a token.
const NO_PASSWORD: &[u8] = b"x-oauth-basic";
/// Schemes for which a colon in an authority without user info can only precede a port.
const PORT_SCHEMES: [&[u8]; 4] = [b"http", b"https", b"postgres", b"postgresql"];

/// Returns the secrets of every URL in a value.
pub(crate) fn secrets_in(value: &[u8]) -> Vec<Secret<'_>> {
    let mut found = Vec::new();
    let starts = value.windows(SCHEME_END.len()).enumerate();
    for (at, _) in starts.filter(|(_, window)| *window == SCHEME_END) {
        let scheme = scheme_before(&value[..at]);
        let rest = &value[at + SCHEME_END.len()..];
        let is_all = value.trim_ascii_start().len() == scheme.len() + SCHEME_END.len() + rest.len();
        let rest = &rest[..end_of(rest, is_all)];
        add_user_info(scheme, rest, &mut found);
        // JDBC has a `;` before each property.
        if let Some(query) = rest.iter().position(|byte| b"?#;".contains(byte)) {
            pairs::add_of_query(&rest[query + 1..], &mut found);
        }
    }
    found
}

/// Returns the passwords of data source names as Go's MySQL driver takes them: `user:password@tcp(host)/name`.
pub(crate) fn secrets_of_dsn(value: &[u8]) -> Vec<Secret<'_>> {
    let mut found = Vec::new();
    for line in value.split(|byte| b"\r\n".contains(byte)) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'@', line) {
            if ADDRESSES.iter().any(|it| line[end..].starts_with(it)) {
                add_of_dsn(&line[start..end], &mut found);
                start = end + 1;
            }
        }
    }
    found
}

/// Adds the password in the text before an address: after the first user of the text, and of its last word.
fn add_of_dsn<'a>(text: &'a [u8], to: &mut Vec<Secret<'a>>) {
    let is_end_of_word = |byte: &u8| USER_START.contains(byte);
    let last_word = text.iter().rposition(is_end_of_word).map_or(0, |at| at + 1);
    for start in [0, last_word] {
        let text = &text[start..];
        let Some(colon) = text.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let (user, password) = (&text[..colon], &text[colon + 1..]);
        let is_user = !user.is_empty() && !user.iter().any(is_end_of_word);
        if is_user && !password.first().is_some_and(is_end_of_word) {
            add(password, user, to);
        }
    }
}

fn scheme_before(text: &[u8]) -> &[u8] {
    let is_of_scheme = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    &text[text.len() - text.iter().rev().take_while(is_of_scheme).count()..]
}

/// Returns whether a path begins with this name: that of the owner of a repository, rather than a token.
fn is_first_segment(user: &[u8], path: &[u8]) -> bool {
    let mut segments = path
        .strip_prefix(b"/")
        .unwrap_or_default()
        .split(|it| *it == b'/');
    segments.next() == Some(user)
}

/// Returns the scheme by which the server is reached: `https` of `git+https`.
fn transport_of(scheme: &[u8]) -> &[u8] {
    scheme
        .rsplit(|&byte| byte == b'+')
        .next()
        .unwrap_or_default()
}

/// Returns where a URL ends: at the end of its line, where the next one begins, and in other text before white
/// space and quotes.
fn end_of(rest: &[u8], is_all_of_value: bool) -> usize {
    let next = rest
        .windows(SCHEME_END.len())
        .position(|it| it == SCHEME_END);
    let is_one = is_all_of_value && next.is_none();
    let rest = &rest[..next.unwrap_or(rest.len())];
    let is_end = |byte: &u8| b"\r\n".contains(byte) || (!is_one && URL_END.contains(byte));
    rest.iter().position(is_end).unwrap_or(rest.len())
}

/// Adds the secrets before the host, in the text after `://`.
fn add_user_info<'a>(scheme: &[u8], rest: &'a [u8], to: &mut Vec<Secret<'a>>) {
    let end = rest.iter().position(|byte| AUTHORITY_END.contains(byte));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let user_info = last_at(authority).map(|at| &authority[..at]);
    let Some(colon) = user_info
        .unwrap_or(authority)
        .iter()
        .position(|&it| it == b':')
    else {
        if let Some(user) = user_info
            && is_one_of(transport_of(scheme), &TOKEN_SCHEMES)
            && !is_first_segment(user, &rest[authority.len()..])
        {
            add(user, b"", to);
        }
        return;
    };
    let user = &rest[..colon];
    if let Some(user_info) = user_info {
        let password = &user_info[colon + 1..];
        add(password, user, to);
        if password.is_empty() || password == NO_PASSWORD {
            add(user, b"", to);
        }
    }
    // A password with an unescaped `/`, `?` or `#` continues after the authority.
    let beyond = last_at(rest).filter(|&at| at > authority.len());
    if user.starts_with(b"[") {
        // The address of a host rather than a user.
    } else if let Some(at) = beyond {
        add(&rest[colon + 1..at], user, to);
        if user_info.is_none() && !are_ports(&authority[colon + 1..]) {
            add_pieces(&rest[colon + 1..at], SEPARATORS, to);
        }
    } else if user_info.is_none()
        && is_one_of(scheme, &PORT_SCHEMES)
        && !are_ports(&authority[colon + 1..])
    {
        // The host is missing.
        add(&authority[colon + 1..], user, to);
        add_pieces(&authority[colon + 1..], SEPARATORS, to);
    }
}

fn last_at(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|&byte| byte == b'@')
}

fn is_one_of(scheme: &[u8], schemes: &[&[u8]]) -> bool {
    schemes.iter().any(|it| it.eq_ignore_ascii_case(scheme))
}

/// Returns whether this is a port, or the text after the first colon of several hosts with ports: `1,host:2`.
fn are_ports(text: &[u8]) -> bool {
    text.split(|&byte| byte == b',').all(|host| {
        let port = host.rsplit(|&byte| byte == b':').next().unwrap_or(host);
        port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    fn found(value: &str) -> Vec<String> {
        let mut found = texts(&secrets_in(value.as_bytes()));
        found.retain(|it| it.len() >= 6);
        found.dedup();
        found
    }

    #[test]
    fn the_password_of_a_url_is_found_as_written_and_as_meant() {
        let table: [(&str, &[&str]); 12] = [
            ("http://proxy:3128", &[]),
            (
                "http://user:pass%40word@proxy",
                &["pass%40word", "pass@word"],
            ),
            (
                "postgres://a:b:c@d-e@host/db?x=y:z@w",
                &["b:c@d-e", "b:c@d-e@host/db?x=y:z"],
            ),
            (
                "see https://u:first1@h, or ftp://v:second@h/",
                &["first1", "second"],
            ),
            ("https://h/?next=u:value@w", &[]),
            ("https://h:8080/path", &[]),
            ("http://[::1]:8080/a@b", &[]),
            ("://:@", &[]),
            (
                "{\"url\":\"http://u:secret1@h\",\"b\":\"x@y\"}",
                &["secret1"],
            ),
            ("http://u:two words@h", &["two words"]),
            (
                "http://u:secret1@h http://v:secret2@h",
                &["secret1", "secret2"],
            ),
            ("git::https://u:secret1@h/r?ref=v1", &["secret1"]),
        ];
        for (value, expected) in table {
            assert_eq!(found(value), expected, "{value}");
        }
    }

    #[test]
    fn a_password_that_breaks_its_url_is_found_whole_and_in_pieces() {
        let table: [(&str, &[&str]); 9] = [
            (
                "http://u:hunter2/secret@h/x",
                &["hunter2/secret", "hunter2", "secret"],
            ),
            (
                "http://u:hunter2?secret@h/x",
                &["hunter2?secret", "hunter2", "secret"],
            ),
            (
                "http://u:hunter2#secret@h/x",
                &["hunter2#secret", "hunter2", "secret"],
            ),
            ("postgres://u:h:unter2s", &["h:unter2s", "unter2s"]),
            ("http://u:12345/abcdef@h", &["12345/abcdef"]),
            // The first `@` may or may not end the user info.
            (
                "http://u:hunter2@x/secret@h",
                &["hunter2", "hunter2@x/secret"],
            ),
            ("postgres://h1:5432,h2:5433/db", &[]),
            ("docker://nginx:stable-alpine", &[]),
            ("https://host/path:tag@sha256:0123", &[]),
        ];
        for (value, expected) in table {
            assert_eq!(found(value), expected, "{value}");
        }
    }

    #[test]
    fn a_data_source_name_of_mysql_has_a_password() {
        for (value, expected) in [
            ("app:hunt:er22@tcp(db:3306)/app", "hunt:er22"),
            (
                "app:hunter22@unix(/run/mysql.sock)/app?tls=true",
                "hunter22",
            ),
        ] {
            assert_eq!(texts(&secrets_of_dsn(value.as_bytes()))[0], expected);
        }
        let table: [(&str, &[&str]); 7] = [
            ("{\"dsn\":\"app:hunter22@tcp(db)/app\"}", &["hunter22"]),
            ("dsn: app:hunter22@tcp(db)/app", &["hunter22"]),
            ("DSN=app:hunter22@tcp(db)/app", &["hunter22"]),
            ("app:hunt er22@tcp(db)/app", &["hunt er22"]),
            (
                "a:hunter21@tcp(h)/x b:hunter22@tcp(h)/x\nc:hunter23@tcp(h)",
                &["hunter21", "hunter22", "hunter23"],
            ),
            ("see: app@tcp(db)/app", &[]),
            ("see:\n@tcp(db)/app", &[]),
        ];
        for (value, expected) in table {
            let mut found = texts(&secrets_of_dsn(value.as_bytes()));
            found.dedup();
            assert_eq!(found, expected, "{value}");
        }
        for value in ["app@tcp(db)/app", "mail: a@b.c", "@tcp(", ""] {
            assert_eq!(texts(&secrets_of_dsn(value.as_bytes())), [""; 0], "{value}");
        }
        let jdbc = "jdbc:sqlserver://h:1433;databaseName=d;user=sa;password=hunter22;encrypt=true";
        assert!(
            found(jdbc).contains(&"hunter22".to_owned()),
            "{:?}",
            found(jdbc)
        );
    }

    #[test]
    fn a_user_without_a_password_is_a_token_where_tokens_are_taken() {
        let table: [(&str, &[&str]); 7] = [
            ("https://t0ken-value@host/x", &["t0ken-value"]),
            ("http://t0ken-value:@host", &["t0ken-value"]),
            (
                "https://t0ken-value:x-oauth-basic@host",
                &["x-oauth-basic", "t0ken-value"],
            ),
            ("https://someone:t0ken-value@host", &["t0ken-value"]),
            ("ssh://someone@host/x", &[]),
            ("postgres://someone@host/x", &[]),
            ("https://host/@scope/package", &[]),
        ];
        for (value, expected) in table {
            assert_eq!(found(value), expected, "{value}");
        }
    }

    #[test]
    fn a_query_gives_what_its_names_call_secret() {
        let table: [(&str, &[&str]); 7] = [
            (
                "jdbc:sqlserver://h:1433;user=sa;password={pAq;9}}x1};encrypt=true",
                &["{pAq;9}}x1}", "pAq;9}}x1", "pAq;9}x1"],
            ),
            (
                "jdbc:sqlserver://h:1433;password={pAq9;token=value1",
                &["value1"],
            ),
            (
                "https://h/?password=two+words%2B99&x=y",
                &["two+words%2B99", "two+words+99", "two words+99"],
            ),
            (
                "http://h/s?private_token=s3cr3t%2Bv&ref=v1.2.3",
                &["s3cr3t%2Bv", "s3cr3t+v"],
            ),
            (
                "https://h/s?ref=main-branch#access_token=value1",
                &["value1"],
            ),
            (
                "https://a.blob.net/c?se=2030-01-01&sig=a%2Fb%3Dcdef",
                &["a%2Fb%3Dcdef", "a/b=cdef"],
            ),
            (
                "https://h/s?access_key_id=value1&key=terraform.tfstate",
                &[],
            ),
        ];
        for (value, expected) in table {
            assert_eq!(found(value), expected, "{value}");
        }
    }
}
