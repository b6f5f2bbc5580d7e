//! The working directory, and the directory of the checkout.

use std::fs;
use std::os::unix::fs::symlink;

use iac_runner::checkout::{CheckoutError, GitSource, PathFault};

use crate::repository::{Repositories, Repository};
use crate::test_env::{TestEnv, source};

fn at(repository: &Repository, path: &str) -> GitSource {
    GitSource {
        path: path.to_owned(),
        ..source(repository.url(), "main")
    }
}

#[test]
fn a_directory_of_the_repository_is_found_through_links_that_stay_inside() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    symlink("network", repository.path.join("link")).unwrap();
    repository.commit("link");
    for path in ["network", "./network/", "link", "link/../network"] {
        let mut test_env = TestEnv::new();
        let found = test_env.check_out(&at(&repository, path)).unwrap();
        assert_eq!(found.work_dir, test_env.path("into/network"), "{path}");
    }
}

#[test]
fn what_leads_out_of_the_checkout_is_refused_and_nothing_is_left() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    symlink("/etc", repository.path.join("absolute")).unwrap();
    symlink("../..", repository.path.join("network/up")).unwrap();
    repository.commit("links");
    for path in [
        "..",
        "network/../..",
        "absolute",
        "absolute/ssl",
        "network/up",
    ] {
        let fault = TestEnv::new().refused(&at(&repository, path));
        let escapes = matches!(fault, CheckoutError::Path(PathFault::Escapes { .. }));
        assert!(escapes, "{path}: {fault:?}");
    }
    let fault = TestEnv::new().refused(&at(&repository, "/etc"));
    assert!(matches!(
        fault,
        CheckoutError::Path(PathFault::Absolute { .. })
    ));
}

#[test]
fn a_directory_that_is_not_there_or_is_a_file_is_refused() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let fault = TestEnv::new().refused(&at(&repository, "absent"));
    assert!(matches!(
        fault,
        CheckoutError::Path(PathFault::NotFound { .. })
    ));
    let fault = TestEnv::new().refused(&at(&repository, "main.tf"));
    assert!(matches!(
        fault,
        CheckoutError::Path(PathFault::NotADirectory { .. })
    ));
}

#[test]
fn an_empty_directory_is_taken_and_a_full_one_is_not_touched() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let mut test_env = TestEnv::new();
    let into = test_env.path("into");
    fs::create_dir(&into).unwrap();
    test_env.check_out(&at(&repository, ".")).unwrap();
    let fault = test_env.check_out(&at(&repository, ".")).unwrap_err();
    assert!(matches!(fault, CheckoutError::Occupied { .. }), "{fault:?}");
    assert!(into.join("main.tf").exists());
}

#[test]
fn nothing_that_the_repository_or_this_machine_brings_is_run() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let marker = repositories.path().join("ran");
    let command = format!("touch {}", marker.display());
    repository.write(".gitattributes", "*.tf filter=evil\n");
    repository.write(
        ".githooks/post-checkout",
        &format!("#!/bin/sh\n{command}\n"),
    );
    repository.write(
        ".gitmodules",
        &format!("[submodule \"x\"]\n\tpath = x\n\turl = ext::{command}\n"),
    );
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{},x", "1".repeat(40)),
    ]);
    repository.git(&["add", ".gitattributes", ".githooks", ".gitmodules"]);
    repository.git(&["commit", "--quiet", "--message", "traps"]);
    let mut test_env = TestEnv::new();
    test_env.check_out(&at(&repository, ".")).unwrap();
    let with_submodules = GitSource {
        submodules: true,
        ..at(&repository, ".")
    };
    let fault = test_env
        .check_out_into("other", &with_submodules)
        .unwrap_err();
    assert!(matches!(fault, CheckoutError::Git { .. }), "{fault:?}");
    assert!(!marker.exists());
}
