//! The environment of the tool, built from nothing, and what in it is secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use percent_encoding::percent_decode;
use secrecy::ExposeSecret;

use crate::protocol::{Request, inherits};

/// What the tool gets from the runner in any case: nobody answers prompts here, and nothing asks for
/// newer versions.
const OWN: [(&str, &str); 3] = [
    ("TF_IN_AUTOMATION", "1"),
    ("TF_INPUT", "0"),
    ("CHECKPOINT_DISABLE", "1"),
];

/// What stands between the scheme of a URL and its authority.
const SCHEME_END: &[u8] = b"://";

/// The variables of the tool.
pub(super) type Variables = BTreeMap<OsString, OsString>;

/// Builds the tool's environment: inherited names, then the runner's own, then the request's.
pub(super) fn of_tool(
    request: &Request,
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
) -> Variables {
    let mut variables: Variables = inherited
        .into_iter()
        .filter(|(name, _)| is_inherited(name, request.inherit_env.as_deref()))
        .collect();
    variables.extend(OWN.map(|(name, value)| (name.into(), value.into())));
    variables.extend(
        request
            .env_vars
            .iter()
            .map(|(name, value)| (name.into(), value.expose_secret().into())),
    );
    variables
}

/// The values that are masked: the request's `secrets`, those of secret variables, and the passwords in the URLs
/// that other variables hold.
pub(super) fn secret_values<'a>(
    request: &'a Request,
    variables: &'a Variables,
) -> Vec<Cow<'a, [u8]>> {
    let mut values: Vec<Cow<'a, [u8]>> = request
        .secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes().into())
        .collect();
    for (name, value) in variables {
        if is_secret_name(name) {
            values.push(value.as_bytes().into());
        }
        // Also where the whole is masked: a tool shows a URL in parts.
        for password in passwords_in(value.as_bytes()) {
            values.push(password.into());
            values.push(percent_decode(password).into());
        }
    }
    values
}

/// The passwords in URLs of the form `scheme://user:password@host`, as they are written there.
fn passwords_in(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends: &[u8] = b"/?# \t\r\n\"'";
    let starts = text.windows(SCHEME_END.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == SCHEME_END);
    starts.filter_map(move |(at, _)| {
        let rest = &text[at + SCHEME_END.len()..];
        let end = rest.iter().position(|byte| ends.contains(byte));
        let authority = &rest[..end.unwrap_or(rest.len())];
        let user_info = &authority[..authority.iter().rposition(|&byte| byte == b'@')?];
        let colon = user_info.iter().position(|&byte| byte == b':')?;
        Some(&user_info[colon + 1..])
    })
}

/// Whether a variable's name says that its value is secret.
pub(super) fn is_secret_name(name: &OsStr) -> bool {
    crate::protocol::is_secret_name(&name.to_string_lossy())
}

fn is_inherited(name: &OsStr, patterns: Option<&[String]>) -> bool {
    name.to_str().is_some_and(|name| inherits(patterns, name))
}

#[cfg(test)]
mod tests {
    use crate::protocol::Tool;

    use super::*;

    fn environment(request: &Request, inherited: &[(&str, &str)]) -> BTreeMap<String, String> {
        of_tool(
            request,
            inherited
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
        .into_iter()
        .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
        .collect()
    }

    #[test]
    fn only_listed_names_are_inherited() {
        let request = Request::new(Tool::Terraform, "/", "plan");
        let table = [
            ("PATH", true),
            ("LC_ALL", true),
            ("TF_VAR_region", true),
            ("AWS_REGION", true),
            ("KUBECONFIG", true),
            ("https_proxy", true),
            ("DATABASE_URL", false),
            ("ENCRYPTION_KEY", false),
            ("PATHS", false),
            ("MY_TF_VAR", false),
            ("LD_PRELOAD", false),
        ];
        for (name, inherited) in table {
            let built = environment(&request, &[(name, "x")]);
            assert_eq!(built.contains_key(name), inherited, "{name}");
        }
    }

    #[test]
    fn later_sources_win() {
        let mut request = Request::new(Tool::Terraform, "/", "plan");
        let built = environment(&request, &[("TF_INPUT", "1"), ("TF_LOG", "info")]);
        assert_eq!(built["TF_INPUT"], "0");
        assert_eq!(built["TF_LOG"], "info");
        request
            .env_vars
            .insert("TF_INPUT".into(), "2".to_owned().into());
        assert_eq!(environment(&request, &[("TF_INPUT", "1")])["TF_INPUT"], "2");
    }

    #[test]
    fn a_list_in_the_request_replaces_the_default_one() {
        let mut request = Request::new(Tool::Tofu, "/", "plan");
        request.inherit_env = Some(vec!["ONE".into(), "TWO_*".into()]);
        let built = environment(&request, &[("ONE", "x"), ("TWO_A", "x"), ("PATH", "x")]);
        let mut names: Vec<&str> = built.keys().map(String::as_str).collect();
        names.retain(|name| !OWN.iter().any(|(own, _)| own == name));
        assert_eq!(names, ["ONE", "TWO_A"]);
    }

    #[test]
    fn names_tell_which_values_are_secret() {
        let table = [
            ("TF_TOKEN_registry_example_com", true),
            ("AWS_SECRET_ACCESS_KEY", true),
            ("aws_access_key_id", true),
            ("TF_VAR_db_password", true),
            ("GOOGLE_CREDENTIALS", true),
            ("ARM_CLIENT_SECRET", true),
            ("PG_CONN_STR", true),
            ("GOOGLE_ENCRYPTION_KEY", true),
            ("AWS_SSE_CUSTOMER_KEY", true),
            ("TF_ENCRYPTION", true),
            ("TF_VAR_region", false),
            ("PATH", false),
        ];
        for (name, secret) in table {
            assert_eq!(is_secret_name(OsStr::new(name)), secret, "{name}");
        }
    }

    #[test]
    fn passwords_in_urls_are_secret_wherever_they_stand() {
        let table: [(&str, &[&str]); 7] = [
            ("http://proxy:3128", &[]),
            ("http://user@proxy:3128", &[]),
            (
                "http://user:pass%40word@proxy",
                &["pass%40word", "pass@word"],
            ),
            ("postgres://a:b:c@d@host/db?x=y:z@w", &["b:c@d"]),
            (
                "see https://u:first@h, or ftp://v:second@h/",
                &["first", "second"],
            ),
            ("https://h/?next=u:v@w", &[]),
            ("://:@", &[""]),
        ];
        let request = Request::new(Tool::Terraform, "/", "plan");
        for (value, expected) in table {
            let variables = Variables::from([("PLAIN".into(), value.into())]);
            let mut found: Vec<_> = secret_values(&request, &variables)
                .into_iter()
                .map(|it| String::from_utf8(it.into_owned()).unwrap())
                .collect();
            found.dedup();
            assert_eq!(found, expected, "{value}");
        }
    }
}
