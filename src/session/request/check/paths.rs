//! Checks paths within a source. The run checks where symbolic links lead.

/// Longest path that Linux accepts (`PATH_MAX` minus the NUL), in bytes.
const MAX_PATH_BYTES: usize = 4095;

/// Returns how many directories below the source a relative path ends, when it starts `depth` below it.
///
/// # Errors
/// A fragment that says why the path is invalid: absolute, with a NUL, too long, or outside of the source.
pub(super) fn depth_below(depth: usize, path: &str) -> Result<usize, String> {
    if path.contains('\0') {
        return Err("holds a NUL byte".to_owned());
    }
    if path.starts_with('/') {
        return Err("is absolute; expected a path relative to the source".to_owned());
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(format!("is longer than {MAX_PATH_BYTES} bytes"));
    }
    path.split('/')
        .try_fold(depth, |depth, part| match part {
            "" | "." => Some(depth),
            ".." => depth.checked_sub(1),
            _ => Some(depth + 1),
        })
        .ok_or_else(|| "leads out of the source".to_owned())
}

/// Returns the parts of a path, without `.` and with `..` resolved.
pub(super) fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_go_up_as_far_as_it_went_down() {
        let table = [
            (0, ".", Some(0)),
            (0, "", Some(0)),
            (0, "a/b", Some(2)),
            (0, "./a//b/", Some(2)),
            (0, "a/../b", Some(1)),
            (0, "a/..", Some(0)),
            (0, "..", None),
            (0, "a/../..", None),
            (0, "a/../../a", None),
            (2, "../../x", Some(1)),
            (2, "../../../x", None),
            (0, "/", None),
            (0, "a\0b", None),
            (0, "...", Some(1)),
        ];
        for (depth, path, expected) in table {
            assert_eq!(depth_below(depth, path).ok(), expected, "{depth} {path:?}");
        }
        assert!(depth_below(0, &"a".repeat(MAX_PATH_BYTES + 1)).is_err());
    }

    #[test]
    fn parts_are_those_that_lead_somewhere() {
        assert_eq!(parts("./a//b/../c/"), ["a", "c"]);
        assert_eq!(parts("."), [""; 0]);
    }
}
