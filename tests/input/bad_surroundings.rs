//! Valid requests that cannot be executed here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::call::Call;
use crate::refusal::{CANARY, Mode, Row, assert_all_refused, assert_refused, not_started};
use crate::test_env::TestEnv;
use crate::waiting::{WITHIN_A_TEST, wait_for};

#[test]
fn what_cannot_be_carried_out_is_refused_with_one_document() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Document);
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_one_event() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Stream);
}

fn rows(test_env: &TestEnv) -> Vec<Row> {
    [directories(test_env), tools(test_env)]
        .into_iter()
        .flatten()
        .collect()
}

fn directories(test_env: &TestEnv) -> Vec<Row> {
    fs::write(test_env.at("file"), "").expect("a file");
    std::os::unix::fs::symlink("loop", test_env.at("loop")).expect("a link");
    std::os::unix::fs::symlink("nowhere", test_env.at("dangling")).expect("a link");
    let work_dir = |name: &str| test_env.request(&json!({"work_dir": test_env.at(name)}));
    let run_dir = |name: &str| test_env.request(&json!({"run_dir": test_env.at(name)}));
    let mut masked = work_dir(&format!("no-{CANARY}"));
    masked["secrets"] = json!([CANARY]);
    vec![
        not_started(
            "a missing work_dir",
            &work_dir("missing"),
            "`work_dir`: chdir ",
        ),
        not_started("a file as work_dir", &work_dir("file"), "not a directory"),
        not_started(
            "a work_dir under a file",
            &work_dir("file/below"),
            "not a directory",
        ),
        not_started(
            "a link to itself as work_dir",
            &work_dir("loop"),
            "`work_dir`: chdir ",
        ),
        not_started(
            "a dangling link as work_dir",
            &work_dir("dangling"),
            "no such file",
        ),
        not_started(
            "a relative work_dir",
            &test_env.request(&json!({"work_dir": "below"})),
            "`work_dir`: chdir below",
        ),
        not_started(
            "a name that is too long",
            &work_dir(&"n".repeat(300)),
            "`work_dir`: chdir ",
        ),
        not_started("a secret in work_dir", &masked, "/no-***: no such file"),
        not_started(
            "a run_dir under a file",
            &run_dir("file/run"),
            "`run_dir`: ",
        ),
        not_started("a file as run_dir", &run_dir("file"), "`run_dir`: "),
        not_started(
            "a dangling link as run_dir",
            &run_dir("dangling"),
            "`run_dir`: ",
        ),
        not_started(
            "a run_dir in /proc",
            &test_env.request(&json!({"run_dir": "/proc/run"})),
            "`run_dir`: `/proc/run` cannot be created",
        ),
    ]
}

fn tools(test_env: &TestEnv) -> Vec<Row> {
    for name in ["plain", "folder", "garbage", "orphan"] {
        fs::create_dir_all(test_env.at(name)).expect("a folder");
    }
    fs::write(test_env.at("plain/terraform"), "#!/bin/sh\n").expect("a file");
    fs::create_dir_all(test_env.at("folder/terraform")).expect("a folder");
    test_env.put_program("garbage/terraform", "\u{7f}ELF garbage");
    test_env.put_program("orphan/terraform", "#!/nowhere/sh\n");
    let with_path = |path: String| test_env.request(&json!({"env_vars": {"PATH": path}}));
    let in_path = |name: &str| with_path(test_env.text_of(name));
    let missing = "`terraform` was not found in PATH";
    vec![
        not_started("no tool in PATH", &in_path("empty"), missing),
        not_started("an empty PATH", &with_path(String::new()), "PATH is empty"),
        not_started("a relative PATH", &with_path("../bin".to_owned()), missing),
        not_started("a PATH of nothing", &in_path("nothing"), missing),
        not_started("a tool that is not executable", &in_path("plain"), missing),
        not_started("a folder called like the tool", &in_path("folder"), missing),
        not_started(
            "a tool that is no program",
            &in_path("garbage"),
            "could not be started: ",
        ),
        not_started(
            "a tool without its interpreter",
            &in_path("orphan"),
            "could not be started: ",
        ),
        not_started(
            "no PATH inherited, and another tool in it",
            &test_env.request(&json!({"tool": "tofu", "env_vars": {"PATH": test_env.at("plain")}})),
            "`tofu` was not found in PATH",
        ),
        not_started(
            "an argument that is too long for the kernel",
            &test_env.request(&json!({"args": ["x".repeat(200_000)]})),
            "could not be started: ",
        ),
    ]
}

/// Without this test, the missing mark of refused requests would prove nothing.
#[test]
fn the_request_that_all_rows_spoil_is_carried_out() {
    let test_env = TestEnv::new();
    for tool in ["terraform", "tofu"] {
        let request = test_env.request(&json!({"tool": tool})).to_string();
        let answer = Call::new(&test_env.work_dir(), &test_env.path()).run(request.as_bytes());
        assert_eq!(answer.document()["outcome"], "succeeded", "{answer:?}");
        test_env.assert_was_run();
    }
}

/// Root can read everything, so another user makes this call.
#[test]
fn what_may_not_be_read_or_written_is_refused() {
    let test_env = TestEnv::new();
    let program = test_env.copy_of_the_runner();
    for (name, mode) in [
        ("closed", 0o000),
        ("unreadable", 0o711),
        ("unsearchable", 0o744),
    ] {
        fs::create_dir(test_env.at(name)).expect("a folder");
        fs::set_permissions(test_env.at(name), fs::Permissions::from_mode(mode)).expect("ours");
    }
    let work_dir = |name: &str| test_env.request(&json!({"work_dir": test_env.at(name)}));
    let refused = "permission denied";
    let rows = [
        not_started("a closed work_dir", &work_dir("closed"), refused),
        not_started("an unreadable work_dir", &work_dir("unreadable"), refused),
        not_started(
            "an unsearchable work_dir",
            &work_dir("unsearchable"),
            refused,
        ),
        not_started(
            "a work_dir below a closed one",
            &work_dir("closed/below"),
            refused,
        ),
        not_started(
            "a run_dir that may not be created",
            &test_env.request(&json!({"run_dir": test_env.at("closed/run")})),
            "`run_dir`: ",
        ),
        not_started(
            "a run_dir that may not be written",
            &test_env.request(&json!({"run_dir": test_env.at("unreadable")})),
            "`run_dir`: ",
        ),
    ];
    for row in &rows {
        for mode in [Mode::Document, Mode::Stream] {
            let call = Call::of(&program, Path::new("/"), &test_env.path()).by_nobody();
            assert_refused(&test_env, row, mode, call);
        }
    }
}

/// The tool has the umask that the runner was started with; the record does not depend on it.
#[test]
fn run_dir_is_private_with_any_umask() {
    let test_env = TestEnv::new();
    let program = test_env.copy_of_the_runner();
    test_env.put_program("bin/terraform", "#!/bin/sh\numask\n");
    fs::create_dir(test_env.at("open")).expect("a folder");
    fs::set_permissions(test_env.at("open"), fs::Permissions::from_mode(0o777)).expect("ours");
    for umask in ["0777", "0700", "0022", "0000"] {
        let run_dir = test_env.at(&format!("open/{umask}/below/run"));
        let request = test_env.request(&json!({"run_dir": run_dir}));
        let call = |args: &[&str]| {
            Call::of(&program, Path::new("/"), &test_env.path())
                .args(args)
                .after(&format!("umask {umask}"))
                .by_nobody()
        };
        let answer = call(&[]).run(request.to_string().as_bytes());
        let result = answer.document();
        assert_eq!(result["outcome"], "succeeded", "{umask}: {answer:?}");
        assert_eq!(result["output"], format!("{umask}\n"), "{answer:?}");
        assert_eq!(answer.stderr, "", "{umask}");
        let mode = |path: &Path| {
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode(&run_dir), 0o700, "{umask}");
        for file in fs::read_dir(&run_dir).expect("a folder") {
            let file = file.expect("a file").path();
            assert_eq!(mode(&file), 0o600, "{umask}: {}", file.display());
        }
        let run_dir = run_dir.to_str().expect("text");
        let attached = call(&["attach", run_dir]).run(b"");
        assert_eq!(attached.document(), result, "{umask}");
    }
}

#[test]
fn a_run_dir_that_holds_a_run_is_refused_while_it_lives_and_after() {
    let test_env = TestEnv::new();
    fs::create_dir(test_env.at("waiting")).expect("a folder");
    test_env.put_program(
        "waiting/terraform",
        "#!/bin/sh\n: >ready\nwhile [ ! -e go ]; do sleep 0.02; done\n",
    );
    let request = test_env.request(&json!({"run_dir": test_env.at("run")}));
    let path = format!("{}:{}", test_env.text_of("waiting"), test_env.path());
    let first = Call::new(&test_env.work_dir(), &path).start(request.to_string().as_bytes());
    let ready = test_env.work_dir().join("ready");
    wait_for("the first run", WITHIN_A_TEST, || {
        ready.exists().then_some(())
    });

    let row = not_started("a run_dir in use", &request, "already holds a run");
    let refuse = |mode| {
        let call = Call::new(&test_env.work_dir(), &test_env.path());
        assert_refused(&test_env, &row, mode, call);
    };
    refuse(Mode::Document);
    refuse(Mode::Stream);
    fs::write(test_env.work_dir().join("go"), "").expect("a file");
    let result = first.end().document();
    assert_eq!(result["outcome"], "succeeded", "{result:#}");
    refuse(Mode::Document);
    refuse(Mode::Stream);
    let kept: Value =
        serde_json::from_slice(&fs::read(test_env.at("run/result.json")).expect("a result"))
            .expect("JSON");
    assert_eq!(kept, result, "the refused ones have left the record alone");
}

#[test]
fn another_version_than_the_one_asked_for_is_refused_before_anything_is_run() {
    let test_env = TestEnv::new();
    let marks = fs::read_to_string(test_env.at("bin/terraform")).expect("the tool");
    let says = |version: &str| {
        marks.replace(
            "\n:",
            &format!("\n[ \"$1\" = version ] && {{ {version}; exit; }}\n:"),
        )
    };
    let table = [
        (
            "another",
            r#"echo '{"terraform_version":"1.9.0"}'"#,
            "is 1.9.0; install the version asked for",
        ),
        ("none", "true", "did not say its version"),
        ("words", "echo Terraform v1.11.4", "did not say its version"),
        (
            "a fault",
            r#"echo '{"terraform_version":"1.11.4"}'; exit 1"#,
            "did not say its version",
        ),
    ];
    for (name, version, sentence) in table {
        test_env.put_program("bin/terraform", &says(version));
        let request = test_env.request(&json!({"tool_version": "1.11.4"}));
        let row = not_started(name, &request, "`tool_version`: ");
        assert_all_refused(&test_env, &[row], Mode::Document);
        let row = not_started(name, &request, sentence);
        assert_all_refused(&test_env, &[row], Mode::Stream);
    }
}
