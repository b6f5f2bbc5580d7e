//! Recognizes names and values that refer to a secret without revealing it.

/// Members whose strings are names of secrets, or say where these are. Without `-` and `_`, in lower case.
const MEMBERS: [&str; 9] = [
    "existingsecret",
    "imagepullsecrets",
    "references",
    "secretkeyref",
    "secretname",
    "secretref",
    "secretstoreref",
    "valuefrom",
    "externalsecretref",
];
/// How references begin in a configuration of Terraform.
const STARTS: [&str; 6] = ["data.", "ephemeral.", "local.", "module.", "var.", "each."];
/// Ends of names that are domains, such as the keys of conditions in policies.
const DOMAINS: [&str; 4] = [".com", ".io", ".net", ".org"];

/// Returns whether the strings of a member are names of secrets.
pub(super) fn is_member(name: &str) -> bool {
    let squeezed = name.replace(['-', '_'], "").to_ascii_lowercase();
    MEMBERS.contains(&squeezed.as_str())
}

/// Returns whether a name is a domain, with or without a key after a colon: `token.example.com:aud`.
pub(super) fn is_domain(name: &str) -> bool {
    let domain = name.split_once(':').map_or(name, |(domain, _)| domain);
    DOMAINS.iter().any(|end| domain.ends_with(end))
}

/// Returns whether a value is an expression that another value replaces: `var.name`, `${…}` or `${{ … }}`.
pub(super) fn is_expression(value: &str) -> bool {
    let inner = value.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    if let Some(inner) = inner {
        let inner = inner
            .strip_prefix('{')
            .and_then(|it| it.strip_suffix('}'))
            .unwrap_or(inner);
        return !inner.contains(['{', '}']);
    }
    let is_of_reference = |it: char| it.is_ascii_alphanumeric() || "_-.[]\"*".contains(it);
    let is_start = |start: &str| {
        let name = value.strip_prefix(start);
        name.is_some_and(|name| name.starts_with(char::is_alphabetic))
    };
    STARTS.iter().any(|start| is_start(start)) && value.chars().all(is_of_reference)
}

/// Returns whether a value that is assigned to a name is such an expression, or the directory of a shell.
pub(super) fn is_assigned(name: &[u8], value: &[u8]) -> bool {
    let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
        return false;
    };
    is_expression(value) || is_working_directory(name, value)
}

/// Returns whether a value is the directory in which a shell works, rather than a password.
pub(super) fn is_working_directory(name: &str, value: &str) -> bool {
    let is_of_path = |it: char| it.is_ascii_alphanumeric() || "/_-. ".contains(it);
    ["PWD", "OLDPWD"].contains(&name)
        && value.starts_with('/')
        && value[1..].contains('/')
        && value.chars().all(is_of_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_passwords() {
        for value in [
            "var.db_password",
            "module.db.password",
            "local.token",
            "data.vault_generic_secret.x.data[\"password\"]",
            "ephemeral.random_password.x.result",
            "${var.password}",
            "${{ secrets.TOKEN }}",
        ] {
            assert!(is_expression(value), "{value}");
        }
        for value in [
            "var.",
            "var.9x",
            "var.a!b",
            "${a}hunter22${b}",
            "variable",
            "${a}b",
        ] {
            assert!(!is_expression(value), "{value}");
        }
    }

    #[test]
    fn names_of_secrets_and_directories_are_recognized() {
        for name in ["secretKeyRef", "existing_secret", "valueFrom"] {
            assert!(is_member(name), "{name}");
        }
        assert!(!is_member("secret"));
        assert!(is_domain("token.actions.githubusercontent.com:aud"));
        assert!(!is_domain("auth.token"));
        assert!(is_working_directory("PWD", "/home/user/project"));
        assert!(!is_working_directory("PWD", "/hunter22"));
        assert!(!is_working_directory("db_pwd", "/home/user"));
    }
}
