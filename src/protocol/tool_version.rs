//! The version that a tool says of itself.

use std::time::Duration;

use serde::Deserialize;

/// How long a tool may take to say its version; the slowest seen take a second.
pub(crate) const VERSION_WITHIN: Duration = Duration::from_secs(30);

/// What `version -json` of both tools prints, as far as it is needed.
#[derive(Deserialize)]
struct Version {
    terraform_version: String,
}

/// Reads the version from what `version -json` printed; warnings may stand before it.
pub(crate) fn version_in(output: &str) -> Option<String> {
    let json = &output[output.find('{')?..];
    let mut documents = serde_json::Deserializer::from_str(json).into_iter::<Version>();
    documents
        .next()?
        .ok()
        .map(|version| version.terraform_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_the_tools_print() {
        let table = [
            (
                "{\n  \"terraform_version\": \"1.11.4\",\n  \"platform\": \"linux_amd64\"\n}\n",
                Some("1.11.4"),
            ),
            (
                "\nWarning: no such file\n\n{\"terraform_version\":\"1.6.2\",\"x\":[{}]}",
                Some("1.6.2"),
            ),
            ("Terraform v1.11.4", None),
            ("{}", None),
        ];
        for (output, version) in table {
            assert_eq!(version_in(output).as_deref(), version, "{output}");
        }
    }
}
