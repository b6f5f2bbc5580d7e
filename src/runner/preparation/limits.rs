//! The resource limits that each call needs, and the message if this process has less.
//!
//! Checked before anything is opened: a process that runs out of descriptors or memory half-way can neither
//! continue nor report the reason.

use crate::process::{ResourceLimits, limits};

/// Open files of a supervisor at its peak, about two dozen, with some margin.
pub(crate) const FILES_OF_A_RUN: u64 = 32;
/// Open files of a reader of a run directory.
pub(crate) const FILES_OF_A_FOLLOWER: u64 = 16;
/// Open files of a process that signals a supervisor.
pub(crate) const FILES_OF_A_CANCEL: u64 = 6;

const MIB: u64 = 1024 * 1024;
/// Address space of one process with an ordinary request, with some margin. Tens of thousands of secrets use up to
/// 128; if they do not fit, the supervisor is lost before it has started anything.
const ADDRESS_SPACE_MIB: u64 = 16;
/// Heap of such a process.
const DATA_MIB: u64 = 8;

/// Returns a sentence if this process has less than it needs.
pub(crate) fn unmet(files_needed: u64) -> Option<String> {
    sentence(&limits(), files_needed)
}

fn sentence(limits: &ResourceLimits, files_needed: u64) -> Option<String> {
    let files = limits.open_files;
    if files < files_needed {
        return Some(format!(
            "a process may hold no more than {files} files open here, and iac-runner needs \
             {files_needed}; raise the limit (`ulimit -n`, `LimitNOFILE=`)"
        ));
    }
    let memory = [
        (
            limits.address_space,
            ADDRESS_SPACE_MIB,
            "`ulimit -v`, `LimitAS=`",
        ),
        (limits.data, DATA_MIB, "`ulimit -d`, `LimitDATA=`"),
    ];
    memory
        .into_iter()
        .find(|(bytes, needed, _)| bytes / MIB < *needed)
        .map(|(bytes, needed, how)| {
            format!(
                "a process may take no more than {bytes} bytes of memory here, and iac-runner needs \
                 {needed} MiB; raise the limit ({how})"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_below_the_need_is_told() {
        let none = ResourceLimits {
            open_files: u64::MAX,
            address_space: u64::MAX,
            data: u64::MAX,
        };
        let table = [
            (none, None),
            (
                ResourceLimits {
                    open_files: 31,
                    ..none
                },
                Some("`ulimit -n`"),
            ),
            (
                ResourceLimits {
                    open_files: 32,
                    ..none
                },
                None,
            ),
            (
                ResourceLimits {
                    address_space: 16 * MIB - 1,
                    ..none
                },
                Some("`ulimit -v`"),
            ),
            (
                ResourceLimits {
                    address_space: 16 * MIB,
                    ..none
                },
                None,
            ),
            (ResourceLimits { data: 0, ..none }, Some("`ulimit -d`")),
            (
                ResourceLimits {
                    data: 8 * MIB,
                    ..none
                },
                None,
            ),
        ];
        for (limits, says) in table {
            let told = sentence(&limits, FILES_OF_A_RUN);
            assert_eq!(told.is_some(), says.is_some(), "{limits:?}: {told:?}");
            assert!(told.unwrap_or_default().contains(says.unwrap_or_default()));
        }
    }
}
