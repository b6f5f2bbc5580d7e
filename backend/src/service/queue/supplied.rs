//! The secrets of an earlier request.

use std::collections::{BTreeMap, BTreeSet};

use iac_runner::session::request::FieldFault;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::service::{RequestError, RetryError};

/// The secrets of an earlier request, sent again, in the same places as in a request.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supplied {
    /// Values of environment variables, by name.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    env_vars: BTreeMap<String, SecretString>,
    /// The secret part of the request's `git_auth`.
    git_auth: Option<Password>,
    /// The secret part of the request's `ssh`.
    ssh: Option<PrivateKey>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Password {
    /// Password or token.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PrivateKey {
    /// Private key.
    #[schema(value_type = String, format = Password)]
    private_key: SecretString,
}

impl Supplied {
    /// Returns the fields as the library names them, such as `env_vars.TOKEN`, with their paths in the body.
    fn fields(&self) -> Vec<(String, [&str; 2], &SecretString)> {
        let variables = self.env_vars.iter();
        let mut fields: Vec<_> = variables
            .map(|(name, value)| {
                (
                    format!("env_vars.{name}"),
                    ["env_vars", name.as_str()],
                    value,
                )
            })
            .collect();
        if let Some(Password { password }) = &self.git_auth {
            fields.push((
                "git_auth.password".to_owned(),
                ["git_auth", "password"],
                password,
            ));
        }
        if let Some(PrivateKey { private_key }) = &self.ssh {
            fields.push((
                "ssh.private_key".to_owned(),
                ["ssh", "private_key"],
                private_key,
            ));
        }
        fields
    }

    /// Adds the secrets to the record of a request, which makes it a complete request.
    pub(super) fn complete(
        &self,
        mut record: Value,
        missing: &[String],
    ) -> Result<Value, RetryError> {
        let given = self.fields();
        let wanted: BTreeSet<&str> = missing.iter().map(String::as_str).collect();
        let sent: BTreeSet<&str> = given.iter().map(|(field, ..)| field.as_str()).collect();
        let faults = |fields: BTreeSet<&&str>, problem: &str| -> Vec<FieldFault> {
            let fault = |field: &&str| FieldFault {
                field: (*field).to_owned(),
                problem: problem.to_owned(),
            };
            fields.into_iter().map(fault).collect()
        };
        let unknown = faults(
            sent.difference(&wanted).collect(),
            "is no secret of the deployment",
        );
        if !unknown.is_empty() {
            return Err(RequestError::Invalid(unknown).into());
        }
        let left = faults(
            wanted.difference(&sent).collect(),
            "is not kept: send it again",
        );
        if !left.is_empty() {
            return Err(RetryError::SecretsMissing(left));
        }
        for (_, [part, name], value) in given {
            record[part][name] = value.expose_secret().into();
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complete(supplied: Value, missing: &[&str]) -> Result<Value, RetryError> {
        let record = json!({
            "tool": "tofu",
            "env_vars": {"A": null},
            "git_auth": {"username": "ann", "password": null},
        });
        let supplied: Supplied = serde_json::from_value(supplied).unwrap();
        let missing: Vec<_> = missing.iter().map(|field| (*field).to_owned()).collect();
        supplied.complete(record, &missing)
    }

    #[test]
    fn secrets_go_back_to_their_places() {
        let supplied = json!({"env_vars": {"A": "1"}, "git_auth": {"password": "2"}});
        let body = complete(supplied, &["env_vars.A", "git_auth.password"]).unwrap();
        assert_eq!(body["env_vars"], json!({"A": "1"}));
        assert_eq!(
            body["git_auth"],
            json!({"username": "ann", "password": "2"})
        );
    }

    #[test]
    fn every_secret_that_is_left_out_or_unknown_is_named() {
        let all = ["env_vars.A", "git_auth.password"];
        let fields = |faults: Vec<FieldFault>| -> Vec<String> {
            faults.into_iter().map(|fault| fault.field).collect()
        };
        match complete(json!({}), &all) {
            Err(RetryError::SecretsMissing(faults)) => assert_eq!(fields(faults), all),
            other => panic!("{other:?}"),
        }
        match complete(json!({"env_vars": {"B": "hunter2"}}), &all) {
            Err(RetryError::Request(RequestError::Invalid(faults))) => {
                assert!(!format!("{faults:?}").contains("hunter2"));
                assert_eq!(fields(faults), ["env_vars.B"]);
            }
            other => panic!("{other:?}"),
        }
    }
}
