//! Builds the environment of the tool from nothing, and finds the secrets in it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use secrecy::ExposeSecret;

use super::{data_dir, go_gc, secret_parts};
use crate::output::Secret;
use crate::protocol::{Request, inherits, may_be_secret};
use crate::runner::command::cli_args;

/// Variables that the tool always gets from the runner: prompts have no one to answer them, and no version check is
/// wanted.
const OWN: [(&str, &str); 3] = [
    ("TF_IN_AUTOMATION", "1"),
    ("TF_INPUT", "0"),
    ("CHECKPOINT_DISABLE", "1"),
];

/// The variables of the tool.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

/// Builds the tool's environment: inherited variables, then the runner's own, then the request's. Adds the setting
/// of the garbage collector if none of them contains it.
pub(crate) fn of_tool(
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
    let has_plugins = || {
        let named = variables.get(OsStr::new("TF_DATA_DIR")).map(Path::new);
        go_gc::has_plugins(&data_dir::of(&request.work_dir, named))
    };
    if let Some(percent) = go_gc::percent(&request.command, has_plugins) {
        variables
            .entry(go_gc::VARIABLE.into())
            .or_insert_with(|| percent.into());
    }
    variables
}

/// Returns the value of a variable that is text.
pub(crate) fn text_of<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    variables.get(OsStr::new(name))?.to_str()
}

/// Returns what is masked: the request's `secrets`, the values of secret variables and of assignments in `args`,
/// and secret parts within these and all other values.
pub(crate) fn secrets<'a>(
    request: &'a Request,
    variables: &'a Variables,
    args: &'a [String],
) -> Vec<Secret<'a>> {
    let mut secrets = Vec::new();
    for listed in &request.secrets {
        add(listed.expose_secret().as_bytes(), true, &mut secrets);
    }
    for (name, value) in variables {
        add(value.as_bytes(), is_secret_name(name), &mut secrets);
    }
    for (name, value) in cli_args::assigned(args) {
        add(value.as_bytes(), may_be_secret(name), &mut secrets);
    }
    // A provisioner can show the arguments for other commands too.
    let mut found = Vec::new();
    let of_any_command = cli_args::of_any_command(
        variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?))),
    );
    for (name, value) in cli_args::assigned(&of_any_command) {
        add(value.as_bytes(), may_be_secret(name), &mut found);
    }
    for secret in found {
        secrets.push(secret.into_owned());
    }
    secrets
}

fn add<'a>(value: &'a [u8], is_secret: bool, to: &mut Vec<Secret<'a>>) {
    if is_secret {
        to.push(secret_parts::whole(value));
    }
    // Also if the whole value is masked: a tool shows a URL or a document in parts.
    to.extend(secret_parts::of(value, is_secret));
}

/// Returns whether a variable's name suggests a secret value.
fn is_secret_name(name: &OsStr) -> bool {
    may_be_secret(&name.to_string_lossy())
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
    fn who_sets_the_collector_has_it_so() {
        let mut request = Request::new(Tool::Terraform, "/", "init");
        request.inherit_env = Some(vec!["GOGC".into()]);
        assert_eq!(environment(&request, &[("GOGC", "50")])["GOGC"], "50");
        request
            .env_vars
            .insert("GOGC".into(), "25".to_owned().into());
        assert_eq!(environment(&request, &[("GOGC", "50")])["GOGC"], "25");
    }

    #[test]
    fn a_list_in_the_request_replaces_the_default_one() {
        let mut request = Request::new(Tool::Tofu, "/", "plan");
        request.inherit_env = Some(vec!["ONE".into(), "TWO_*".into()]);
        let built = environment(&request, &[("ONE", "x"), ("TWO_A", "x"), ("PATH", "x")]);
        let mut names: Vec<&str> = built.keys().map(String::as_str).collect();
        names.retain(|name| *name != go_gc::VARIABLE && !OWN.iter().any(|(own, _)| own == name));
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
            ("TF_VAR_my-api-key", true),
            ("TF_VAR_accessKey", true),
            ("TF_VAR_region", false),
            ("PATH", false),
        ];
        for (name, secret) in table {
            assert_eq!(is_secret_name(OsStr::new(name)), secret, "{name}");
        }
    }

    #[test]
    fn what_is_secret_in_itself_is_found_in_listed_named_and_other_values() {
        let mut request = Request::new(Tool::Terraform, "/", "plan");
        request.secrets = vec!["http://u:hunter21@h".to_owned().into()];
        let variables = Variables::from([
            ("PG_CONN_STR".into(), "http://u:hunter22@h".into()),
            ("PLAIN".into(), "http://u:hunter23@h".into()),
        ]);
        let mut found: Vec<_> = secrets(&request, &variables, &[])
            .into_iter()
            .map(|it| String::from_utf8(it.value.into_owned()).unwrap())
            .collect();
        found.dedup();
        let expected = [
            "http://u:hunter21@h",
            "hunter21",
            "http://u:hunter22@h",
            "hunter22",
            "hunter23",
        ];
        assert_eq!(found, expected);
    }
}
