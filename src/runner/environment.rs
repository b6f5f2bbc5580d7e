//! The environment of the tool, built from nothing, and what in it is secret.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use secrecy::ExposeSecret;

use crate::protocol::{DEFAULT_INHERIT_ENV, Request};

/// What the tool gets from the runner in any case: nobody answers prompts here, and nothing asks for
/// newer versions.
const OWN: [(&str, &str); 3] = [
    ("TF_IN_AUTOMATION", "1"),
    ("TF_INPUT", "0"),
    ("CHECKPOINT_DISABLE", "1"),
];

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

/// The values that are masked: the request's `secrets`, and those of secret variables.
pub(super) fn secret_values<'a>(
    request: &'a Request,
    variables: &'a Variables,
) -> impl Iterator<Item = &'a [u8]> {
    let named = request
        .secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes());
    let by_name = variables
        .iter()
        .filter(|(name, _)| is_secret_name(name))
        .map(|(_, value)| value.as_bytes());
    named.chain(by_name)
}

/// Whether a variable's name says that its value is secret.
pub(super) fn is_secret_name(name: &OsStr) -> bool {
    crate::protocol::is_secret_name(&name.to_string_lossy())
}

fn is_inherited(name: &OsStr, patterns: Option<&[String]>) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    match patterns {
        Some(patterns) => patterns.iter().any(|pattern| matches(name, pattern)),
        None => DEFAULT_INHERIT_ENV
            .iter()
            .any(|pattern| matches(name, pattern)),
    }
}

fn matches(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
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
            ("TF_VAR_region", false),
            ("PATH", false),
        ];
        for (name, secret) in table {
            assert_eq!(is_secret_name(OsStr::new(name)), secret, "{name}");
        }
    }
}
