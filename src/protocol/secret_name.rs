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
const REFERENCES: [&str; 4] = ["_ID", "_NAME", "_ARN", "KMS_ENCRYPTION_KEY"];
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
    let name = name.to_ascii_uppercase();
    PARTS.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end))
}

fn is_reference(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_of_name = |it: char| it.is_alphanumeric() || it == '_' || it == '-';
    // In a text that is more than a name, such as a query, the end says nothing about the rest.
    name.chars().all(is_of_name)
        // AppRole uses this name for its password.
        && !name.ends_with("SECRET_ID")
        && (REFERENCES.iter().any(|end| name.ends_with(end))
            || SWITCHES.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("access_key_id", false),
            ("disk_encryption_key_id", false),
            ("kms_encryption_key", false),
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
