//! Names that say that their value is secret.

/// Parts of a name that say so, whatever their case.
const PARTS: [&str; 14] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "API_KEY",
    "CREDENTIALS",
    // What backends, providers and state encryption call theirs.
    "CONN_STR",
    "DATABASE_URL",
    "ENCRYPTION_KEY",
    "CUSTOMER_KEY",
    "PASSPHRASE",
    "TF_ENCRYPTION",
];

/// Whether a name, such as that of an environment variable, says that its value is secret.
///
/// ```
/// use iac_runner::protocol::is_secret_name;
///
/// assert!(is_secret_name("TF_VAR_db_password"));
/// assert!(!is_secret_name("TF_VAR_region"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    PARTS.iter().any(|part| name.contains(part))
}
