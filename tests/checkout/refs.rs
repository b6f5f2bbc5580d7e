//! Resolution of refs to commits.

use std::fs;

use iac_runner::checkout::{CheckedOut, CheckoutError};

use crate::repository::{Repositories, Repository};
use crate::test_env::{TestEnv, source};

fn of(repository: &Repository, git_ref: &str) -> Result<CheckedOut, CheckoutError> {
    TestEnv::new().check_out(&source(repository.url(), git_ref))
}

#[track_caller]
fn commit_of(repository: &Repository, git_ref: &str) -> String {
    of(repository, git_ref)
        .expect("it is checked out")
        .commit
        .to_string()
}

#[test]
fn a_branch_a_tag_and_a_commit_are_checked_out_and_the_commit_is_told() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "--annotate", "--message=x", "heavy"]);
    repository.git(&["tag", "--annotate", "--message=x", "nested", "heavy"]);
    repository.write("main.tf", "# second\n");
    let second = repository.commit("second");
    repository.git(&["branch", "feature/x"]);
    for (git_ref, expected) in [
        ("main", &second),
        ("HEAD", &second),
        ("feature/x", &second),
        ("refs/heads/main", &second),
        ("heads/main", &second),
        ("light", &first),
        ("heavy", &first),
        ("nested", &first),
        ("refs/tags/heavy", &first),
        (first.as_str(), &first),
        (first.to_ascii_uppercase().as_str(), &first),
    ] {
        assert_eq!(&commit_of(&repository, git_ref), expected, "{git_ref}");
    }
}

#[test]
fn a_checkout_holds_the_files_detached_and_without_history() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    repository.write("main.tf", "# second\n");
    repository.commit("second");
    let mut test_env = TestEnv::new();
    let found = test_env
        .check_out(&source(repository.url(), "main"))
        .unwrap();
    assert_eq!(found.root, test_env.path("into"));
    assert_eq!(found.work_dir.as_os_str(), found.root.as_os_str());
    assert_eq!(
        fs::read_to_string(found.root.join("main.tf")).unwrap(),
        "# second\n"
    );
    let copy = Repository { path: found.root };
    assert_eq!(copy.git(&["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(copy.git(&["status", "--porcelain"]), "");
    assert_eq!(copy.git(&["branch", "--show-current"]), "");
    assert!(!copy.path.join(".git/hooks").exists());
}

#[test]
fn a_name_that_is_branch_and_tag_is_the_tag() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "both"]);
    let second = repository.commit("second");
    repository.git(&["branch", "both"]);
    assert_eq!(commit_of(&repository, "both"), first);
    assert_eq!(commit_of(&repository, "refs/heads/both"), second);
}

#[test]
fn a_branch_with_a_name_that_git_fetch_reads_otherwise_is_that_branch() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    for name in ["tag", "+main"] {
        repository.git(&["update-ref", &format!("refs/heads/{name}"), "HEAD"]);
        let commit = repository.git(&["rev-parse", "HEAD"]);
        repository.commit("main continues");
        assert_eq!(commit_of(&repository, name), commit, "{name}");
    }
}

#[test]
fn an_abbreviated_commit_is_refused_with_a_reason_unless_a_branch_is_called_that() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let short = &commit[..10];
    let fault = of(&repository, short).unwrap_err();
    assert!(
        matches!(fault, CheckoutError::AbbreviatedCommit { .. }),
        "{fault:?}"
    );
    assert!(fault.to_string().contains("full name"), "{fault}");
    repository.git(&["branch", short]);
    assert_eq!(commit_of(&repository, short), commit);
}

#[test]
fn what_is_not_there_or_is_no_commit_has_its_own_error() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    repository.git(&["tag", "of-a-tree", "HEAD^{tree}"]);
    for git_ref in ["absent", &"1".repeat(40)] {
        let fault = of(&repository, git_ref).unwrap_err();
        assert!(
            matches!(fault, CheckoutError::NoSuchRef { .. }),
            "{git_ref}: {fault:?}"
        );
    }
    let fault = of(&repository, "of-a-tree").unwrap_err();
    assert!(
        matches!(fault, CheckoutError::NotACommit { .. }),
        "{fault:?}"
    );
    let fault = of(&repository, "main~1").unwrap_err();
    assert!(matches!(fault, CheckoutError::Ref { .. }), "{fault:?}");
}

#[test]
fn a_sha256_repository_is_checked_out_too() {
    let repositories = Repositories::new();
    let repository = repositories.create_with("a", &["--object-format=sha256"]);
    let commit = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(commit.len(), 64);
    assert_eq!(commit_of(&repository, "main"), commit);
    assert_eq!(commit_of(&repository, &commit), commit);
}

#[test]
fn an_absolute_path_is_a_url() {
    let repositories = Repositories::new();
    let repository = repositories.create("a b");
    let url = repository.path.display().to_string();
    let found = TestEnv::new().check_out(&source(url, "main")).unwrap();
    assert_eq!(
        found.commit.to_string(),
        repository.git(&["rev-parse", "main"])
    );
}
