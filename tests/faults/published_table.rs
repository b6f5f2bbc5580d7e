//! Checks that `docs/faults.md` names tests that exist.

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../docs/faults.md");

/// Returns the tests named in the last column of each row.
fn named_tests() -> impl Iterator<Item = &'static str> {
    TABLE
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("::"))
        .filter_map(|line| line.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`'))
}

/// Returns whether a file at or below a path defines a function with this name.
fn defines(path: &Path, function: &str) -> bool {
    if path.is_dir() {
        return fs::read_dir(path)
            .expect("a readable folder")
            .any(|entry| defines(&entry.expect("an entry").path(), function));
    }
    fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {function}(")))
}

#[test]
fn each_row_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = [root.join("tests"), root.join("backend/tests")];
    let mut rows = 0;
    for name in named_tests() {
        let mut parts = name.split("::");
        let (suite, module) = (parts.next(), parts.next());
        let (Some(suite), Some(module), Some(function)) = (suite, module, parts.last()) else {
            panic!("`{name}` is not suite::module::test");
        };
        let found = tests
            .iter()
            .map(|tests| tests.join(suite))
            .flat_map(|folder| [folder.join(format!("{module}.rs")), folder.join(module)])
            .any(|place| place.exists() && defines(&place, function));
        assert!(
            found,
            "docs/faults.md names `{name}`, and there is no such test"
        );
        rows += 1;
    }
    assert!(rows > 0, "docs/faults.md names no test");
}
