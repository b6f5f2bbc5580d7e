//! Control lines: the lines that may follow the request on stdin.

use serde::{Deserialize, Serialize};

/// Longest control line that is read, in bytes.
pub const MAX_CONTROL_LINE_BYTES: usize = 64 * 1024;

/// One control line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Control {
    /// Stops the run.
    Cancel {
        /// Sends SIGKILL to the tool at once, without a grace period.
        #[serde(default)]
        force: bool,
    },
}

impl Control {
    /// Parses one line.
    ///
    /// # Errors
    /// Returns a sentence that says what was expected. It never repeats the line, which may hold a secret.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|_| {
            "a control line was ignored: expected `{\"type\":\"cancel\"}` or \
             `{\"type\":\"cancel\",\"force\":true}`"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_control_lines_are_read() {
        let table = [
            (r#"{"type":"cancel"}"#, false),
            (r#" {"type":"cancel","force":false} "#, false),
            (r#"{"force":true,"type":"cancel"}"#, true),
        ];
        for (line, force) in table {
            assert_eq!(
                Control::parse(line.as_bytes()),
                Ok(Control::Cancel { force })
            );
        }
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        let table = [
            "hunter2",
            r#"{"type":"hunter2"}"#,
            r#"{"type":"cancel","hunter2":1}"#,
            r#"{"type":"cancel","force":"hunter2"}"#,
            "[]",
            "",
        ];
        for line in table {
            let fault = Control::parse(line.as_bytes()).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
