//! Contents of a repository besides files: submodules, files in Git LFS, history.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use iac_runner::session::Reason;
use tempfile::TempDir;

use crate::http_server::{HttpServer, Manner};
use crate::sources::checkout_env::{deployed, failed, git, repository, request};
use crate::support::bounded::end_of;
use crate::support::tools::Tool;
use crate::test_env::{TestEnv, block_on, log};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// Set in a process whose `PATH` has no `git-lfs`.
const WITHOUT_LFS: &str = "IAC_TEST_WITHOUT_LFS";

/// Returns a directory with links to all programs of `PATH` but `git-lfs`.
fn programs_without_lfs() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = std::env::var_os("PATH").expect("a PATH");
    for entry in std::env::split_paths(&path).filter_map(|it| it.read_dir().ok()) {
        for program in entry.map(|it| it.expect("an entry")) {
            if program.file_name() != "git-lfs" {
                // An earlier directory may have a program with this name.
                let _ = symlink(program.path(), folder.path().join(program.file_name()));
            }
        }
    }
    folder
}

#[test]
fn a_file_in_lfs_fails_the_checkout_without_git_lfs() {
    if std::env::var_os(WITHOUT_LFS).is_none() {
        let programs = programs_without_lfs();
        let test = "sources::repository_contents::a_file_in_lfs_fails_the_checkout_without_git_lfs";
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test])
            .env(WITHOUT_LFS, "1")
            .env("PATH", programs.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("this program starts");
        assert!(end_of(&mut child).success());
        return;
    }
    let test_env = TestEnv::new(Tool::Terraform);
    let (_repositories, repository) = repository(&test_env);
    repository.write("build/function.zip", POINTER);
    repository.commit("a pointer without attributes");
    block_on(async {
        let sessions = test_env.sessions();
        deployed(&sessions, request(&test_env, &repository.url(), "main")).await;
        let attributes = "*.zip filter=lfs diff=lfs merge=lfs -text\n";
        repository.write("build/.gitattributes", attributes);
        repository.commit("attributes");
        let request = request(&test_env, &repository.url(), "main");
        let error = failed(&sessions, request, Reason::CheckoutFailed).await;
        for text in ["build/function.zip", "git-lfs"] {
            assert!(error.contains(text), "{error}");
        }
    });
}

fn a_missing_module_of_a_submodule_is_explained(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let (repositories, repository) = repository(&test_env);
    let inner = repositories.create("inner");
    inner.write("network/main.tf", "output \"text\" {\n  value = 1\n}\n");
    inner.commit("module");
    repository.git(&[
        "submodule",
        "--quiet",
        "add",
        "--name",
        "inner",
        &inner.url(),
        "inner",
    ]);
    let module = "\nmodule \"network\" {\n  source = \"./inner/network\"\n}\n";
    repository.write("more.tf", module);
    repository.commit("submodule");
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = request(&test_env, &repository.url(), "main");
        let error = failed(&sessions, request.clone(), Reason::InitFailed).await;
        assert!(error.contains("submodules"), "{error}");
        git(&mut request).submodules = true;
        deployed(&sessions, request).await;
    });
}
on_both_tools!(a_missing_module_of_a_submodule_is_explained);

fn a_depth_brings_history_and_tags(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let (_repositories, repository) = repository(&test_env);
    repository.git(&["tag", "--annotate", "--message=one", "v1"]);
    repository.commit("after the tag");
    repository.commit("one more");
    let describe = |dir: &std::path::Path| {
        let source = crate::repository::Repository {
            path: dir.join("source"),
        };
        source.git(&["describe", "--tags", "--always"])
    };
    let commit = repository.git(&["rev-parse", "--short", "HEAD"]);
    block_on(async {
        let sessions = test_env.sessions();
        let table = [
            (None, commit.clone()),
            (Some(0), format!("v1-2-g{commit}")),
            (Some(3), format!("v1-2-g{commit}")),
        ];
        for (depth, expected) in table {
            let mut request = request(&test_env, &repository.url(), "main");
            git(&mut request).depth = depth;
            let (session, _) = deployed(&sessions, request).await;
            assert_eq!(describe(session.dir()), expected, "{depth:?}");
        }
    });
}
on_both_tools!(a_depth_brings_history_and_tags);

#[test]
fn the_log_has_the_last_word_of_each_phase_of_a_clone() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, repository) = repository(&test_env);
    for number in 0..500 {
        repository.write(&format!("data/{number}"), &number.to_string());
    }
    repository.commit("many files");
    let server = HttpServer::start(repositories.path(), Manner::default());
    block_on(async {
        let request = request(&test_env, &server.url("a/.git"), "main");
        let (session, _) = deployed(&test_env.sessions(), request).await;
        let log = log(&session);
        for phase in [
            "Counting objects:",
            "Compressing objects:",
            "Receiving objects:",
        ] {
            let lines = log.lines().filter(|line| line.contains(phase)).count();
            assert!(lines <= 1, "{phase}\n{log}");
        }
        assert!(log.contains("Receiving objects: 100%"), "{log}");
        assert_eq!(session.progress(), None);
    });
}
