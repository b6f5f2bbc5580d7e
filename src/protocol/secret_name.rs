//! Recognizes names whose value is secret.

/// Parts that mark a name as secret, regardless of case.
const PARTS: [&str; 20] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "API_KEY",
    "APIKEY",
    "AUTH_KEY",
    "CLIENT_KEY",
    "SIGNING_KEY",
    "MASTER_KEY",
    "ACCOUNT_KEY",
    "CREDENTIALS",
    // Names that backends, providers and state encryption use.
    "CONN_STR",
    "DATABASE_URL",
    "ENCRYPTION_KEY",
    "CUSTOMER_KEY",
    "PASSPHRASE",
    "TF_ENCRYPTION",
];

/// Suffixes that mark a name as secret.
const ENDS: [&str; 6] = ["_PASS", "_PWD", "_PAT", "_SAS", "_APP_KEY", "_HTTP_AUTH"];

/// Suffixes of names that refer to a secret without revealing it.
const REFERENCES: [&str; 27] = [
    "_ID",
    "_NAME",
    "_ARN",
    "KMS_ENCRYPTION_KEY",
    // What describes a secret, or where it is.
    "_TTL",
    "_COUNT",
    "_LIMIT",
    "_SIZE",
    "_LENGTH",
    "_PATH",
    "_FILE",
    "TOKEN_URL",
    "TOKEN_URI",
    "_ENDPOINT",
    "_BACKEND",
    "_ISSUER",
    "_MANAGER",
    "_POLICY",
    "_ROTATION",
    "_SOURCE",
    "_STDIN",
    "_STORE",
    "_TYPE",
    "_UNITS",
    "_VERSION",
    // Numbers of the words that a language model reads.
    "MAX_TOKENS",
    "TOTAL_TOKENS",
];
/// Names that only contain the letters of a secret name.
const OTHERS: [&str; 7] = [
    "tokens",
    "proxy_pass",
    "fastcgi_pass",
    "uwsgi_pass",
    "first_pass",
    "second_pass",
    "band_pass",
];
/// Prefixes of names that switch something on or off.
const SWITCHES: [&str; 3] = ["ENABLE_", "DISABLE_", "USE_"];

/// Returns whether a name, such as that of an input variable, indicates a secret value.
///
/// A name that only refers to a secret does not: the name of a key in a key management service, an identifier, a
/// switch.
///
/// ```
/// use iac_runner::protocol::is_secret_name;
///
/// assert!(is_secret_name("db_password"));
/// assert!(is_secret_name("encryption_key"));
/// assert!(!is_secret_name("disk_encryption_key_id"));
/// assert!(!is_secret_name("region"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    may_be_secret(name) && !is_reference(name)
}

/// Returns whether a name may belong to a secret. Used for masking, which also covers references.
pub(crate) fn may_be_secret(name: &str) -> bool {
    let is_secret = |name: &str| {
        PARTS.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end))
    };
    is_secret(&name.to_ascii_uppercase()) || (is_name(name) && is_secret(&in_upper_case(name)))
}

fn is_reference(name: &str) -> bool {
    if !is_name(name) {
        return false;
    }
    if OTHERS.contains(&name.trim_start_matches('_')) {
        return true;
    }
    let name = in_upper_case(name);
    if name.contains("TOKENIZ") && !name.replace("TOKENIZ", "").contains("TOKEN") {
        return true;
    }
    // AppRole uses this name for its password.
    !name.ends_with("SECRET_ID")
        && (REFERENCES.iter().any(|end| name.ends_with(end))
            || SWITCHES.iter().any(|start| name.starts_with(start)))
}

/// Returns whether a text is no more than a name: in a query, the end says nothing about the rest.
fn is_name(text: &str) -> bool {
    let is_of_name = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | ' ');
    text.chars().all(is_of_name)
}

/// Converts `clientSecret-id` and `client.secret-id` to `CLIENT_SECRET_ID`, like names of environment variables.
fn in_upper_case(name: &str) -> String {
    let mut converted = String::with_capacity(name.len() + 4);
    let mut is_after_lower = false;
    for c in name.chars() {
        if is_after_lower && c.is_ascii_uppercase() {
            converted.push('_');
        }
        is_after_lower = c.is_ascii_lowercase();
        converted.push(match c {
            '-' | '.' | ' ' => '_',
            c => c.to_ascii_uppercase(),
        });
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_not_secret() {
        for name in [
            "region",
            "compass",
            "path",
            "bypass",
            "monkey",
            "https://h/?ref=newPat",
            "My Path",
        ] {
            assert!(!may_be_secret(name), "{name}");
        }
    }

    #[test]
    fn what_refers_to_a_secret_is_none_and_is_masked_all_the_same() {
        let table = [
            ("db_password", true),
            ("encryption_key", true),
            ("sse_customer_key", true),
            ("access_key", true),
            ("vault_secret_id", true),
            ("db_pass", true),
            ("MYSQL_PWD", true),
            ("KUBE_CLIENT_KEY_DATA", true),
            ("CONSUL_HTTP_AUTH", true),
            ("DD_APP_KEY", true),
            ("TAILSCALE_AUTH_KEY", true),
            ("storage_account_key", true),
            ("client_key_vault_name", false),
            ("private_token=x&by=deploy_id", true),
            ("kms_access_key", true),
            ("TF_VAR_my-api-key", true),
            ("private-key", true),
            ("signing-key", true),
            ("my-pat", true),
            ("accessKey", true),
            ("PassWord", true),
            ("db.pass", true),
            ("Shared Access Key", true),
            ("accessKeyId", false),
            ("secretName", false),
            ("kms-encryption-key", false),
            ("access_key_id", false),
            ("disk_encryption_key_id", false),
            ("kms_encryption_key", false),
            ("max_tokens", false),
            ("maxTokens", false),
            ("tokens", false),
            ("tokenizer", false),
            ("TOKEN_TTL", false),
            ("secret_count", false),
            ("password_length", false),
            ("token_endpoint", false),
            ("token_url", false),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", false),
            ("private_key_path", false),
            ("password_policy", false),
            ("token_type", false),
            ("secret_version", false),
            ("password-stdin", false),
            ("proxy_pass", false),
            ("first_pass", false),
            ("band_pass", false),
            ("HTTP_PROXY_PASS", true),
            ("PROXY_PASS", true),
            ("API_TOKEN", true),
            ("api_tokens", true),
            ("DATABASE_URL", true),
            ("enable_customer_key", false),
            ("db_password_secret_arn", false),
            ("ENCRYPTION_KEY_NAME", false),
        ];
        for (name, is_secret) in table {
            assert_eq!(is_secret_name(name), is_secret, "{name}");
            assert!(may_be_secret(name), "{name}");
        }
    }
}
