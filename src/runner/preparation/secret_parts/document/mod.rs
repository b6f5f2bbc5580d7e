//! Finds secrets in the members of a value that is a document: JSON, an HCL object, lines of YAML or of an
//! environment file, or one of them in base64.
//!
//! A tool that decodes such a value shows its members in its own format, so each string in it is a separate secret.

mod lines;
mod member;
mod quoted;

use std::collections::{HashMap, HashSet};
use std::iter;

use serde_json::Value;

use self::member::Member;
use super::base64_text::{basic_password, from_base64, password_in_base64};
use super::shell_line::{ShellText, add_of_option};
use super::{Found, Scope, Secret, pairs, parts, references, scope_of, url, user_names, whole};
use crate::protocol::is_secret_name;

/// Deepest nesting of a document in strings of others, or in base64.
const MAX_DEPTH: usize = 8;
/// Least number of values in the lines of a secret text for each of them to be secret: a sentence may contain a
/// colon or a dash too.
const MIN_LINES: usize = 2;

/// Members that are not secret in any credentials: addresses and kinds that the vendor publishes, and identifiers
/// that are in every plan. Without `-` and `_`, in lower case.
const PUBLIC: [&str; 27] = [
    "activedirectoryendpointurl",
    "activedirectorygraphresourceid",
    "apiversion",
    "audience",
    "authproviderx509certurl",
    "authuri",
    "clientx509certurl",
    "expiration",
    "galleryendpointurl",
    "kind",
    "location",
    "managementendpointurl",
    "projectid",
    "quotaprojectid",
    "region",
    "resourcemanagerendpointurl",
    "serviceaccountimpersonationurl",
    "sqlmanagementendpointurl",
    "subjecttokentype",
    "subscriptionid",
    "tenantid",
    "tokenuri",
    "tokenurl",
    "type",
    "universedomain",
    "version",
    "zone",
];

/// Suffixes of the names of other such members.
const PUBLIC_ENDS: [&str; 3] = ["location", "region", "zone"];

/// Whether the strings at a place of a document are secret, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    /// They are not.
    None,
    /// A member that they are in has a secret name.
    Named,
    /// The whole value is secret.
    Whole,
}

impl Secrecy {
    const fn of_value(is_secret: bool) -> Self {
        match is_secret {
            true => Self::Whole,
            false => Self::None,
        }
    }

    const fn is_secret(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Returns the secrecy within a member.
    fn within(self, name: &str) -> Self {
        match self {
            Self::Whole => Self::Whole,
            _ if references::is_member(name) => Self::None,
            _ if has_secret_name(name) => Self::Named,
            outer => outer,
        }
    }
}

/// Returns the secrets in a text. If it is a document and not secret as a whole, these are the members with secret
/// names, and the secrets within other strings.
pub(crate) fn secrets_in(text: &str, is_secret: bool) -> Vec<Secret<'static>> {
    let mut found = Found::for_value_of(text.len());
    if !is_secret {
        found.know_users(user_names::names_in(text));
    }
    found.add_of_text(text.trim(), Secrecy::of_value(is_secret), 0);
    found.of(text.as_bytes())
}

/// Returns whether a value is a JSON object or array.
pub(crate) fn is_document(value: &[u8]) -> bool {
    let text = value.trim_ascii();
    matches!(text, [b'{' | b'[', ..])
        && std::str::from_utf8(text).is_ok_and(|text| json(text).is_some())
}

impl Found {
    fn add_of_text(&mut self, text: &str, secrecy: Secrecy, depth: usize) {
        let is_secret = secrecy.is_secret();
        if depth > MAX_DEPTH || !self.begins(text, is_secret) {
            return;
        }
        if let Some(document) = json(text) {
            let before = self.len();
            self.add_of_json(&document, "", secrecy, depth);
            self.add_as_written(text, before);
            self.add_all(url::secrets_in(text.as_bytes()));
            return;
        }
        self.add_all(parts::secrets_in(text));
        let shell = ShellText::of(text.as_bytes());
        self.add_all(shell.secrets);
        for document in embedded_documents(shell.quoted_words, text) {
            self.add_of_text(&document, secrecy, depth + 1);
        }
        let quoted = quoted::members_in(text);
        for (member, name) in quoted.iter().zip(names_of(&quoted)) {
            self.add_assigned(member, name, secrecy, depth);
        }
        let assigned = lines::members_in(text);
        let is_document = assigned.len() >= MIN_LINES;
        for (member, name) in assigned.iter().zip(names_of(&assigned)) {
            let is_of_number = |it: u8| it.is_ascii_digit() || it == b'.';
            let is_number = member.value.bytes().all(is_of_number);
            let secrecy = match is_document && !is_number {
                true => secrecy,
                false => Secrecy::None,
            };
            self.add_assigned(member, name, secrecy, depth);
        }
        if is_secret && let Some(password) = basic_password(text) {
            self.add_string(&password);
        }
        if let Some(decoded) = from_base64(text) {
            if is_secret {
                self.add_string(&decoded);
            }
            self.add_of_text(decoded.trim(), secrecy, depth + 1);
        }
    }

    /// Adds the strings of a document that are secrets from a place on as they are written there, with their escapes: a tool
    /// that encodes the document does not decode it.
    fn add_as_written(&mut self, text: &str, before: usize) {
        if !text.contains('\\') {
            return;
        }
        let secret: HashSet<Vec<u8>> = self
            .since(before)
            .iter()
            .map(|it| it.value.to_vec())
            .collect();
        for written in escaped_strings(text) {
            let meant = serde_json::from_str::<String>(&format!("\"{written}\""));
            let is_secret = |meant: &String| {
                secret.contains(meant.as_bytes()) && !is_document(meant.as_bytes())
            };
            if meant.is_ok_and(|meant| is_secret(&meant)) {
                self.add(Secret::anywhere(written.as_bytes()));
            }
        }
    }

    fn add_assigned(&mut self, member: &Member<'_>, name: &str, secrecy: Secrecy, depth: usize) {
        let from_outside = member.within.iter().rev();
        let secrecy = from_outside.fold(secrecy, |secrecy, name| secrecy.within(name));
        // An element of a list has the name of the list among those that it is in.
        let list = member.within.iter().find(|it| !it.is_empty());
        let is_element = name.is_empty() || holds_name(name);
        if is_element && list.is_some_and(|list| is_name_in_list(list, &member.value, secrecy)) {
            return;
        }
        self.add_member(name, &member.value, secrecy, depth);
    }

    fn add_of_json(&mut self, value: &Value, name: &str, secrecy: Secrecy, depth: usize) {
        match value {
            Value::String(text) => self.add_member(name, text, secrecy, depth),
            Value::Array(values) => {
                for pair in values.windows(2) {
                    if let [Value::String(option), Value::String(value)] = pair {
                        let mut found = Vec::new();
                        add_of_option(option.as_bytes(), value.as_bytes(), &mut found);
                        self.add_all(found);
                    }
                }
                for value in values {
                    match value.as_str() {
                        Some(text) if is_name_in_list(name, text, secrecy) => {}
                        _ => self.add_of_json(value, name, secrecy, depth),
                    }
                }
            }
            Value::Object(members) => {
                let secrecy = secrecy.within(name);
                // Variables of containers are listed as `{"name": "DB_PASSWORD", "value": "…"}`.
                let named = members.iter().find(|(name, _)| holds_name(name));
                let named = named.and_then(|(_, name)| name.as_str());
                let has_reference = members.keys().any(|name| references::is_member(name));
                for (name, value) in members {
                    let secrecy = match has_reference && holds_name(name) {
                        true if secrecy == Secrecy::Named => Secrecy::None,
                        _ => secrecy,
                    };
                    let name = named.filter(|_| holds_value(name)).unwrap_or(name);
                    self.add_of_json(value, name, secrecy, depth);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_member(&mut self, name: &str, value: &str, secrecy: Secrecy, depth: usize) {
        let mut secrecy = secrecy.within(name);
        if is_name_of_basic(name)
            && let Some(password) = password_in_base64(value)
        {
            secrecy = Secrecy::Whole;
            self.add_string(&password);
        }
        if name.eq_ignore_ascii_case("authorization") {
            let token = value
                .split_once(' ')
                .map_or(value, |(_, token)| token.trim());
            self.add_string(token);
        }
        let is_public = is_public(name) || is_region(value);
        let is_reference = references::is_assigned(name.as_bytes(), value.as_bytes());
        if (secrecy.is_secret() && is_public) || (secrecy == Secrecy::Named && is_reference) {
            return;
        }
        if secrecy.is_secret() {
            self.add_string(value);
        }
        self.add_of_text(value, secrecy, depth + 1);
    }

    /// Adds a string that is secret as a whole.
    fn add_string(&mut self, text: &str) {
        // It may be a string of HCL.
        let meant = quoted::without_template_escapes(text);
        if meant != text {
            self.add(Secret::anywhere(meant.into_bytes()));
        }
        let value = text.as_bytes();
        self.add(match scope_of(value, b"") {
            Scope::Anywhere => whole(value),
            scope => Secret {
                value: value.into(),
                scope,
            },
        });
    }
}

/// Returns whether an element of a list is the name of a secret, as in the `secrets` of Compose and Kubernetes.
fn is_name_in_list(list: &str, element: &str, secrecy: Secrecy) -> bool {
    let is_of_name = |it: u8| it.is_ascii_lowercase() || b"_-".contains(&it);
    list == "secrets"
        && secrecy != Secrecy::Whole
        && is_secret_name(element)
        && element.bytes().all(is_of_name)
}

/// Returns the documents and headers that are a word of a command, as in `curl -d '{…}'` and `curl -H 'Name: …'`, and
/// the documents in a data URL.
fn embedded_documents(quoted_words: Vec<Vec<u8>>, text: &str) -> Vec<String> {
    const DATA: &str = "base64,";
    let words = quoted_words.into_iter();
    let words = words.filter_map(|word| String::from_utf8(word).ok());
    let words = words.filter(|word| word.starts_with(['{', '[']) || word.contains(": "));
    let data = text.match_indices(DATA).filter_map(|(at, _)| {
        let data = &text[at + DATA.len()..];
        let is_of_base64 = |it: char| it.is_ascii_alphanumeric() || "+/-_=".contains(it);
        let len = data.find(|it| !is_of_base64(it)).unwrap_or(data.len());
        from_base64(&data[..len])
    });
    words.chain(data).collect()
}

/// Returns whether a member holds the name of what the `value` beside it holds.
fn holds_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("name") || name.eq_ignore_ascii_case("key")
}

fn holds_value(name: &str) -> bool {
    name.eq_ignore_ascii_case("value")
}

/// Returns the name of each assignment; for a `value`, what the `name` or `key` beside it says, as in lists of the
/// variables of containers.
fn names_of<'a>(members: &'a [Member<'_>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = members.iter().map(|it| it.name).collect();
    let mut lists: HashMap<&[&str], Vec<usize>> = HashMap::new();
    for (at, member) in members.iter().enumerate() {
        if holds_name(member.name) || holds_value(member.name) {
            lists.entry(&member.within).or_default().push(at);
        }
    }
    for list in lists.values() {
        // The first of a list tells whether names come before values.
        let is_name_first = holds_name(members[list[0]].name);
        for pair in list.windows(2) {
            let (name, value) = match is_name_first {
                true => (pair[0], pair[1]),
                false => (pair[1], pair[0]),
            };
            if holds_name(members[name].name) && holds_value(members[value].name) {
                names[value] = &members[name].value;
            }
        }
    }
    names
}

/// The strings of a JSON document that have escapes, as they are written between their quotes.
fn escaped_strings(document: &str) -> impl Iterator<Item = &str> {
    let mut rest = document;
    iter::from_fn(move || {
        loop {
            let start = rest.find('"')? + 1;
            let string = &rest[start..];
            let mut is_escaped = false;
            let end = string.find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            })?;
            rest = &string[end + 1..];
            if string[..end].contains('\\') {
                return Some(&string[..end]);
            }
        }
    })
}

fn json(text: &str) -> Option<Value> {
    text.starts_with(['{', '[', '"'])
        .then(|| serde_json::from_str(text).ok())?
}

/// Returns whether the name of a member suggests a secret value: like that of a variable, or because the whole name
/// is a word with which such a name may end, `pwd` or `pat`.
fn has_secret_name(name: &str) -> bool {
    if references::is_domain(name) {
        return false;
    }
    is_secret_name(name) || is_secret_name(&format!("_{name}")) || pairs::is_short_name(name)
}

/// Returns whether Docker or npm store a user and a password in base64 under this name.
fn is_name_of_basic(name: &str) -> bool {
    ["auth", "_auth"].contains(&name) || name.eq_ignore_ascii_case("authorization")
}

fn is_public(name: &str) -> bool {
    let squeezed = name.replace(['-', '_'], "").to_ascii_lowercase();
    PUBLIC.contains(&squeezed.as_str()) || PUBLIC_ENDS.iter().any(|end| squeezed.ends_with(end))
}

/// Returns whether a value is the name of a region or a zone, such as `us-east-1` or `europe-west4-b`.
fn is_region(value: &str) -> bool {
    const CONTINENTS: [&str; 18] = [
        "af",
        "africa",
        "ap",
        "asia",
        "australia",
        "ca",
        "cn",
        "eu",
        "europe",
        "il",
        "me",
        "mx",
        "northamerica",
        "sa",
        "southamerica",
        "us",
        "us-gov",
        "us-iso",
    ];
    const DIRECTIONS: [&str; 9] = [
        "central",
        "east",
        "north",
        "northeast",
        "northwest",
        "south",
        "southeast",
        "southwest",
        "west",
    ];
    let is_zone = |it: &str| it.len() == 1 && it.bytes().all(|it| it.is_ascii_lowercase());
    let region = value.rsplit_once('-').filter(|(_, zone)| is_zone(zone));
    let region = region.map_or(value, |(region, _)| region);
    let region = region
        .strip_suffix(|it: char| it.is_ascii_lowercase())
        .filter(|it| it.ends_with(|it: char| it.is_ascii_digit()))
        .unwrap_or(region);
    let place = region.trim_end_matches(|it: char| it.is_ascii_digit());
    let has_number = place.len() < region.len() && region.len() - place.len() <= 2;
    let place = place.strip_suffix('-').unwrap_or(place);
    has_number
        && place
            .rsplit_once('-')
            .is_some_and(|(continent, direction)| {
                CONTINENTS.contains(&continent) && DIRECTIONS.contains(&direction)
            })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::runner::preparation::secret_parts::found::MAX_SECRETS;

    fn found(value: &str, is_secret: bool) -> Vec<String> {
        let mut found: Vec<String> = secrets_in(value, is_secret)
            .into_iter()
            .filter(|it| it.scope != Scope::Place)
            .map(|it| String::from_utf8(it.value.into_owned()).unwrap())
            .filter(|it| it.len() >= 6)
            .collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn passwords_are_found_as_their_readers_mean_them() {
        let credentials = BASE64_STANDARD.encode("app:correct horse");
        let table: [(String, &[&str]); 6] = [
            (
                format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{credentials}"}}}}}}"#),
                &[&credentials, "correct horse"],
            ),
            (
                format!(r#"{{"Authorization":"basic {credentials}"}}"#),
                &[&credentials, "correct horse"],
            ),
            (
                r#"{"password":"Ab3$${kQ9m"}"#.to_owned(),
                &["Ab3$${kQ9m", "Ab3${kQ9m"],
            ),
            (
                "[db]\npassword = \"\"\"hunter22\"\"\"\n".to_owned(),
                &["hunter22"],
            ),
            (
                "[db]\npassword = '''hunter22'''\n".to_owned(),
                &["hunter22"],
            ),
            (
                "[default]\naws_secret_access_key = |hunter/22\n".to_owned(),
                &["|hunter/22"],
            ),
        ];
        for (value, expected) in table {
            let found = found(&value, false);
            for expected in expected {
                assert!(found.iter().any(|it| it == expected), "{value}: {found:?}");
            }
        }
    }

    #[test]
    fn strings_of_a_secret_document_are_secret_but_public_ones() {
        let table: [(&str, &[&str]); 16] = [
            (
                "users:\n- name: app-user1\n  user:\n    token: t0ken-v4lue\n    kind: ordinary\n    port: 12345678\n",
                &["app-user1", "t0ken-v4lue"],
            ),
            (
                "export DB_USER=app-user1\nDB_PASSWORD='hunter22' # new\nDB_PIN_TOKEN=12345678\n",
                &["12345678", "app-user1", "hunter22"],
            ),
            ("remember: the-green-door", &[]),
            (
                r#"{"type":"service_account","project_id":"my-project-1","private_key_id":"0123abcd",
                    "private_key":"-----BEGIN\nabcdef\n","client_email":"a@b.iam",
                    "auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://x.y/token"}"#,
                &[
                    "0123abcd",
                    "-----BEGIN\nabcdef\n",
                    "-----BEGIN\\nabcdef\\n",
                    "a@b.iam",
                ],
            ),
            (
                r#"{"clientId":"0000-11","clientSecret":"s3cr3t~x","tenantId":"2222-33","galleryEndpointUrl":"https://g/"}"#,
                &["0000-11", "s3cr3t~x"],
            ),
            (
                r#"{"a":{"b":[["deeply-1"],{"c":"deeply-2"}]}}"#,
                &["deeply-1", "deeply-2"],
            ),
            (
                r#"["first-1","second-2",123456,true,null]"#,
                &["first-1", "second-2"],
            ),
            (r#"{"engine":"postgres","port":543210,"user":"admin"}"#, &[]),
            (
                r#"{"inner":"{\"key\":\"in-a-string1\"}"}"#,
                &["{\"key\":\"in-a-string1\"}", "in-a-string1"],
            ),
            (
                r#"{"url":"https://u:passw0rd1@h/"}"#,
                &["https://u:passw0rd1@h/", "passw0rd1"],
            ),
            (r#""quoted-1""#, &["quoted-1"]),
            (
                r#"{"password":"First1\"part\/x","plain":"no-escape1","host\n":"a-host-name"}"#,
                &[
                    "First1\"part/x",
                    "First1\\\"part\\/x",
                    "no-escape1",
                    "a-host-name",
                ],
            ),
            (
                "{ user = \"app-user1\", password = \"hunter22\\n\" }",
                &["app-user1", "hunter22\n"],
            ),
            (
                "key_provider \"pbkdf2\" \"mykey\" {\n  passphrase = \"correct horse\"\n}\n",
                &["correct horse"],
            ),
            (r#"{"broken": "json-value1"#, &[]),
            ("just a passphrase", &[]),
        ];
        for (value, expected) in table {
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(found(value, true), expected, "{value}");
        }
    }

    #[test]
    fn of_another_document_members_with_a_secret_name_are_secret() {
        let table: [(&str, &[&str]); 16] = [
            (
                r#"[{"name":"LOG_LEVEL","value":"verbose1"},{"name":"DB_PASSWORD","value":"hunter22"}]"#,
                &["hunter22"],
            ),
            (
                r#"[{"Value":"hunter22","Key":"DB_PASSWORD"},{"Key":"LOG_LEVEL","Value":"verbose1"}]"#,
                &["hunter22"],
            ),
            (
                "[{name=\"LOG_LEVEL\",value=\"verbose1\"},{name=\"DB_PASSWORD\",value=\"hunter22\"}]",
                &["hunter22"],
            ),
            (
                "[\n  {\n    value = \"hunter22\"\n    key   = \"DB_PASSWORD\"\n  },\n  {\n    value = \"verbose1\"\n    \
                 key   = \"LOG_LEVEL\"\n  },\n]\n",
                &["hunter22"],
            ),
            (
                "env:\n  - name: LOG_LEVEL\n    value: verbose1\n  - name: DB_PASSWORD\n    value: hunter22\n",
                &["hunter22"],
            ),
            (
                "env: [{name: DB_PASSWORD, value: hunter22}, {name: LOG_LEVEL, value: verbose1}]\n",
                &["hunter22"],
            ),
            ("name: my-password-1\nvalue:\n  other: verbose1\n", &[]),
            (
                "#cloud-config\nuser: app-user1\npassword: hunter22\n",
                &["hunter22"],
            ),
            (
                "database = {\n  password = { value = \"hunter22\", note = [\"old-one-1\"] }\n  user = \"app-user1\"\n}",
                &["hunter22", "old-one-1"],
            ),
            (
                r#"{"host":"db.internal.example","password":"hunter22"}"#,
                &["hunter22"],
            ),
            (
                r#"{"clientSecret":"s3cr3t~x","secretName":"my-secret-1"}"#,
                &["s3cr3t~x"],
            ),
            (
                r#"{"secrets":{"one":"value-1","two":["value-2"]}}"#,
                &["value-1", "value-2"],
            ),
            (
                "{ region = \"eu-west-1\", password = \"hunter22\" }",
                &["hunter22"],
            ),
            (
                r#"{"PassWord":"hunter22","db.pass":"hunter23","my-pat":"hunter24"}"#,
                &["hunter22", "hunter23", "hunter24"],
            ),
            (r#"["not-secret-1"]"#, &[]),
            ("\"not-secret-1\"", &[]),
        ];
        for (value, expected) in table {
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(found(value, false), expected, "{value}");
        }
    }

    #[test]
    fn documents_within_commands_and_urls_are_searched() {
        let table = [
            (r#"curl -d '{"password":"hunter22"}' h"#, "hunter22"),
            (r#"curl -d "{\"password\":\"hunter22\"}" h"#, "hunter22"),
            (r#"{"Authorization":"token hunter22"}"#, "hunter22"),
            (r#"{"command":["run","--password","hunter22"]}"#, "hunter22"),
            (r#"{"headers":{"Authorization":"hunter22"}}"#, "hunter22"),
            ("curl -H 'X-Vault-Token: hunter22' h", "hunter22"),
            (
                "curl -H \"Authorization: Basic dTpodW50ZXIyMg==\" h",
                "dTpodW50ZXIyMg==",
            ),
            (
                "\textraheader = AUTHORIZATION: basic dTpodW50ZXIyMg==\n",
                "dTpodW50ZXIyMg==",
            ),
            (
                "http.extraheader=AUTHORIZATION: basic dTpodW50ZXIyMg==",
                "hunter22",
            ),
            (
                "data:\n  .dockercfg: eyJwYXNzd29yZCI6Imh1bnRlcjIyIn0=\n",
                "hunter22",
            ),
            (
                "data:\n  /etc/x: REJfUEFTU1dPUkQ9aHVudGVyMjIK\n",
                "hunter22",
            ),
            (".password: hunter22\nx: y\n", "hunter22"),
            (
                "env:\n- name: \"DB_PASSWORD\"\n  value: \"hunt\\\"er22\"\n",
                "hunt\"er22",
            ),
            (
                r#"{"source":"data:;base64,REJfUEFTU1dPUkQ9aHVudGVyMjIK"}"#,
                "hunter22",
            ),
            ("pip install git+https://hunter22@h/x", "hunter22"),
        ];
        for (value, expected) in table {
            let found = found(value, false);
            assert!(found.iter().any(|it| it == expected), "{value}: {found:?}");
        }
    }

    #[test]
    fn references_to_secrets_are_not_secret() {
        for value in [
            r#"[{"name":"app","secrets":[{"name":"DB_PASSWORD","valueFrom":"arn:aws:ssm:us-east-1:1:parameter/x"}]}]"#,
            r#"{"secrets":["db_password","api-token"]}"#,
            r#"{"secretKeyRef":{"name":"my-secret-1","key":"password-1"}}"#,
            r#"{"password":{"references":["var.db_password","random_password.db1"]}}"#,
            r#"{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}"#,
            r#"{"password":"${var.db_password}","token":"module.db.token"}"#,
            "env:\n  TOKEN: ${{ secrets.TOKEN }}\n  password: var.db_password\n",
            "password = var.db_password\ntoken = \"${local.token}\"\n",
            "services:\n  db:\n    secrets:\n    - db_password\nsecrets:\n  db_password:\n    external: true\n",
            "auth:\n  existingSecret: my-secret-1\n  imagePullSecrets:\n  - name: my-creds-1\n",
            "secretKeyRef:\n  name: my-secret-1\n  key: password-1\n",
            "PWD=/home/user/project\nHOME=/home/user\n",
            "PWD=/home/user/project",
            "max_tokens: 100000\ntokenizer: cl100k_base\n",
            "--token=var.db_token --password=${{secrets.X}}",
        ] {
            assert_eq!(found(value, false), [""; 0], "{value}");
        }
    }

    #[test]
    fn in_a_secret_document_references_are_secret_too() {
        let value =
            r#"{"valueFrom":"hunter-22","secrets":["db_password"],"password":"var.db_password"}"#;
        assert_eq!(
            found(value, true),
            ["db_password", "hunter-22", "var.db_password"]
        );
    }

    #[test]
    fn connection_strings_are_found_in_documents() {
        let strings = [
            "host=h user=me password=hunter22 dbname=x",
            "Server=h;User Id=sa;Password=hunter22;Database=d",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter22;EndpointSuffix=x",
            "Driver={X};PWD={hunter22};UID=sa",
            "u:hunter22@tcp(h:3306)/d",
            "--password=hunter22 --x",
            "run --password='hunter22' --x",
            "h:6380,password=hunter22,ssl=True",
            "postgres://u:hunter22@h/d",
        ];
        for string in strings {
            let documents = [
                json!({ "dsn": string }).to_string(),
                json!([string]).to_string(),
                json!({"inner": json!({ "dsn": string }).to_string()}).to_string(),
                format!("{{ dsn = \"{string}\" }}"),
                format!("dsns = [\n  \"{string}\",\n]\n"),
                format!("A=1\nDSN={string}\nB=2\n"),
                format!("export DSN=\"{string}\"\n"),
                format!("a: 1\ndsn: {string}\nb:\n- {string}\n"),
                format!("a: |\n  first\n  {string}\n"),
                format!("first line\n{string}\nlast line\n"),
            ];
            for document in documents {
                let encoded = BASE64_STANDARD.encode(&document);
                for value in [document, encoded] {
                    let found = found(&value, false);
                    assert!(found.contains(&"hunter22".to_owned()), "{value}: {found:?}");
                    let is_of_document = |it: &String| it.contains('"') || it.contains('\n');
                    assert!(!found.iter().any(is_of_document), "{value}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn ordinary_values_of_a_secret_document_are_left() {
        let value = r#"{"aws_region":"somewhere-else","a":"us-east-1","b":"europe-west4-b","c":"us-gov-west-1",
            "d":"true","e":true,"f":"correct-horse-1","g":"eu-central-1a"}"#;
        assert_eq!(found(value, true), ["correct-horse-1"]);
        for word in ["default", "production", "terraform"] {
            let value = format!("{{\"env\":\"{word}\"}}");
            assert_eq!(found(&value, true), [""; 0], "{word}");
        }
        let text = "He said: \"not-secret-1\", [and \"not-secret-2\"] too";
        assert_eq!(found(text, true), [""; 0]);
    }

    #[test]
    fn a_document_in_base64_is_one() {
        let document = r#"{"type":"service_account","private_key_id":"0123abcd","x":"???>>>~~"}"#;
        for encoded in [
            BASE64_STANDARD.encode(document),
            BASE64_URL_SAFE_NO_PAD.encode(document),
            BASE64_STANDARD.encode(document).replace("I", "I\n"),
            BASE64_STANDARD.encode(BASE64_STANDARD.encode(document)),
        ] {
            let found = found(&encoded, true);
            assert!(found.contains(&document.to_owned()), "{found:?}");
            assert!(found.contains(&"0123abcd".to_owned()), "{found:?}");
        }
        for text in ["dXNlcjpodW50ZXIyMg==", "Basic dXNlcjpodW50ZXIyMg=="] {
            assert!(found(text, true).contains(&"hunter22".to_owned()), "{text}");
            assert_eq!(found(text, false), [""; 0]);
            let document = json!({"auth": text, "other": text}).to_string();
            assert!(found(&document, false).contains(&"hunter22".to_owned()));
        }
        let text = BASE64_STANDARD.encode("a plain passphrase");
        assert_eq!(found(&text, true), ["a plain passphrase"]);
        assert_eq!(found(&text, false), [""; 0]);
    }

    /// Texts whose repetition once took time or memory with the square of its length.
    const HOSTILE: [&str; 16] = [
        "A=",
        "a=b;",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nabcdef\n",
        "password=\"",
        "password='",
        "\"a\",",
        "\":",
        "{\"a\":",
        "/* ",
        "a = <<E\n",
        "- x:\n    name: password\n    value: a\n",
        "a:b@tcp(",
        "https://u:password@",
        "{password={",
        "Bearer ",
    ];

    #[test]
    fn work_is_bounded() {
        let nested = "[".repeat(100_000);
        assert_eq!(found(&nested, true), [""; 0]);
        for repeated in HOSTILE {
            let value = repeated.repeat((1 << 18) / repeated.len());
            for is_secret in [false, true] {
                let found = secrets_in(&value, is_secret);
                let bytes: usize = found.iter().map(|it| it.value.len()).sum();
                assert!(bytes <= 10 * value.len(), "{repeated}: {bytes}");
            }
        }
        let many: Vec<_> = (0..2 * MAX_SECRETS)
            .map(|it| format!("value-{it}"))
            .collect();
        let many = json!(many).to_string();
        let found = secrets_in(&many, true);
        assert_eq!(found.len(), MAX_SECRETS + 1);
        assert_eq!(found.last().unwrap().value.as_ref(), many.as_bytes());
        assert_eq!(secrets_in(&many, false).len(), 0);
    }
}
