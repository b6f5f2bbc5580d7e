//! Masks text that is composed from the output, the request and the directory, after it is composed.
//!
//! Only values from outside are masked: words of the wire format, such as an outcome, stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::output::{Matcher, Redactor};
use crate::protocol::RunResult;
use crate::runner::command::flags;
use crate::runner::messages::wording::one_line;

/// Returns the redactor for the output of a command with these arguments.
pub(crate) fn redactor(args: &[String], matcher: Arc<Matcher>) -> Redactor {
    if flags::is_on(args, "json") {
        Redactor::of_json(matcher)
    } else {
        Redactor::new(matcher)
    }
}

/// Masks a sentence.
pub(crate) fn masked_sentence(matcher: &Matcher, sentence: &str) -> String {
    one_line(&matcher.mask(sentence))
}

/// Masks a path.
pub(crate) fn masked_path(matcher: &Matcher, path: &Path) -> PathBuf {
    PathBuf::from(matcher.mask(&path.to_string_lossy()))
}

/// Masks everything in a result except its output, which is already masked.
pub(crate) fn mask_result<O>(matcher: &Matcher, result: &mut RunResult<O>) {
    let shown = |path: PathBuf| masked_path(matcher, &path);
    result.error_msg = masked_sentence(matcher, &result.error_msg);
    result.output_file = result.output_file.take().map(shown);
    if let Some(diagnosis) = &mut result.diagnosis {
        diagnosis.message = masked_sentence(matcher, &diagnosis.message);
    }
    if let Some(state) = &mut result.state {
        state.lock_id = state.lock_id.take().map(|id| matcher.mask(&id));
        state.errored_state_file = state.errored_state_file.take().map(shown);
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::protocol::{
        Diagnosis, DiagnosisClass, LockStatus, Outcome, StateReport, StateSafety,
    };
    use crate::runner::result::document::of_no_tool;

    #[test]
    fn json_is_told_by_its_flag() {
        let table: [(&[&str], bool); 6] = [
            (&["-json"], true),
            (&["-auto-approve", "--json"], true),
            (&["-json=true", "name"], true),
            (&["-json=false"], false),
            (&["json"], false),
            (&["-var", "x=-json"], false),
        ];
        for (args, expected) in table {
            let args: Vec<String> = args.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(flags::is_on(&args, "json"), expected, "{args:?}");
        }
    }

    #[test]
    fn every_text_of_a_result_is_masked_and_its_words_are_not() {
        let matcher = Matcher::new([b"correct horse".as_slice(), b"failed"]);
        let composed = "is correct horse here";
        let mut result = of_no_tool(Outcome::Failed, composed.to_owned(), Utc::now());
        result.output_file = Some("/run/correct horse/output.log".into());
        result.diagnosis = Some(Diagnosis {
            class: DiagnosisClass::Other,
            message: composed.to_owned(),
            retryable: false,
        });
        result.state = Some(StateReport {
            safety: StateSafety::ErroredFile,
            lock: LockStatus::Held,
            lock_id: Some("correct horse".to_owned()),
            errored_state_file: Some("/srv/correct horse/errored.tfstate".into()),
        });
        mask_result(&matcher, &mut result);
        let text = serde_json::to_string(&result).unwrap();
        assert!(!text.contains("horse"), "{text}");
        assert_eq!(text.matches("***").count(), 5, "{text}");
        assert!(text.contains(r#""outcome":"failed""#), "{text}");
    }
}
