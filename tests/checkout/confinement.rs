//! What git can access besides the source.

use std::fs;

use iac_runner::checkout::CheckoutError;
use iac_runner::protocol::SandboxMode;

use crate::repository::Repositories;
use crate::test_env::{TestEnv, source};

#[test]
fn objects_of_another_repository_are_out_of_reach() {
    let repositories = Repositories::new();
    let (own, other) = (repositories.create("own"), repositories.create("other"));
    other.write("main.tf", "# secret\n");
    let secret = other.commit("secret");
    let alternates = own.path.join(".git/objects/info/alternates");
    let objects = other.path.join(".git/objects");
    fs::write(alternates, format!("{}\n", objects.display())).expect("a file");
    own.git(&["update-ref", "refs/heads/secret", &secret]);
    let wanted = source(own.url(), "secret");

    let mut test_env = TestEnv::new();
    test_env.options.sandbox.mode = SandboxMode::Off;
    let found = test_env.check_out(&wanted).expect("git follows alternates");
    assert_eq!(found.commit.as_str(), secret);

    let mut test_env = TestEnv::new();
    let refused = test_env.check_out(&wanted).map(|found| found.commit);
    assert!(
        matches!(
            refused,
            Err(CheckoutError::Git { .. } | CheckoutError::NoSuchRef { .. })
        ),
        "{refused:?}"
    );
    // The operator allows access.
    let mut test_env = TestEnv::new();
    test_env.options.sandbox.read.push(objects);
    test_env.check_out(&wanted).expect("it is open");
    // The checkout is complete without it.
    assert_eq!(
        fs::read_to_string(test_env.path("into/main.tf")).expect("a file"),
        "# secret\n"
    );
}

#[test]
fn a_further_work_tree_is_a_source() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let tree = repositories.path().join("tree");
    let path = tree.display().to_string();
    repository.git(&["worktree", "add", "--quiet", "-b", "side", &path]);
    let mut test_env = TestEnv::new();
    let found = test_env.check_out(&source(path, "side"));
    found.expect("the repository of the work tree is found");
}
