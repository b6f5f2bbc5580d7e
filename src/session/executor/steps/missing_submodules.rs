//! Hints at submodules that were not fetched when a file is missing.

use std::path::Path;

use crate::protocol::DiagnosisClass;
use crate::session::machine::event::{Failure, FailureKind};
use crate::session::request::Source;

/// Suffix of the error of a run that may miss files of a submodule.
pub(crate) const HINT: &str = "; the repository has submodules (`.gitmodules`), which are not fetched: set \
                               `submodules` to true if the missing files are theirs";

/// Returns whether a repository has submodules that its checkout leaves out.
pub(crate) fn are_in(source: &Source, root: &Path) -> bool {
    match source {
        Source::Git(git) => !git.submodules && root.join(".gitmodules").is_file(),
        Source::Directory(_) | Source::Files(_) => false,
    }
}

/// Returns whether a run may have failed because of a missing file.
pub(crate) fn may_explain(failure: &Failure) -> bool {
    let class = failure.diagnosis.as_ref().map(|it| it.class);
    failure.kind == FailureKind::Fault
        && matches!(
            class,
            None | Some(
                DiagnosisClass::ModuleDownload
                    | DiagnosisClass::InvalidConfiguration
                    | DiagnosisClass::NoConfiguration
                    | DiagnosisClass::ProviderError
                    | DiagnosisClass::Other
            )
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Diagnosis;

    #[test]
    fn only_a_failure_that_may_lack_a_file_is_explained() {
        let table = [
            (
                FailureKind::Fault,
                Some(DiagnosisClass::ModuleDownload),
                true,
            ),
            (FailureKind::Fault, None, true),
            (FailureKind::Fault, Some(DiagnosisClass::StateLocked), false),
            (FailureKind::TimedOut, None, false),
        ];
        for (kind, class, expected) in table {
            let mut failure = Failure::new(kind, "it failed");
            failure.diagnosis = class.map(|class| Diagnosis {
                class,
                message: String::new(),
                retryable: false,
            });
            assert_eq!(may_explain(&failure), expected, "{failure:?}");
        }
    }
}
