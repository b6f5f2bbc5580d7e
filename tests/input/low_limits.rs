//! A process with low limits: few open files, a small stack.

use serde_json::json;

use crate::call::Call;
use crate::refusal::{Mode, assert_refused, not_started};
use crate::schemas::{EVENT, RESULT, assert_valid};
use crate::test_env::TestEnv;

/// From what the dynamic loader needs to one below what a run needs.
const TOO_FEW_FILES: [u64; 9] = [4, 5, 6, 7, 8, 10, 14, 20, 31];
/// Enough for a run that keeps all its files.
const ENOUGH_FILES: u64 = 32;

fn call(test_env: &TestEnv, args: &[&str], limit: &str) -> Call {
    Call::new(&test_env.work_dir(), &test_env.path())
        .args(args)
        .under(limit)
}

#[test]
fn too_few_open_files_are_one_document_that_says_what_to_raise() {
    let test_env = TestEnv::new();
    let request = test_env.request(&json!({"run_dir": test_env.at("run")}));
    for files in TOO_FEW_FILES {
        let row = not_started(&format!("{files} files"), &request, "`ulimit -n`");
        for mode in [Mode::Document, Mode::Stream] {
            assert_refused(
                &test_env,
                &row,
                mode,
                call(&test_env, &[], &format!("-n {files}")),
            );
        }
    }
    assert!(!test_env.at("run").exists());
}

/// Below these limits, a program built this way does not even start.
#[test]
fn too_little_memory_is_one_document_that_says_what_to_raise() {
    let test_env = TestEnv::new();
    let request = test_env.request(&json!({}));
    for (limit, says) in [("-v 15000", "`ulimit -v`"), ("-d 2000", "`ulimit -d`")] {
        let row = not_started(limit, &request, says);
        for mode in [Mode::Document, Mode::Stream] {
            assert_refused(&test_env, &row, mode, call(&test_env, &[], limit));
        }
    }
}

/// The supervisor runs out of memory; the front has enough left to report it.
#[test]
fn more_secrets_than_memory_holds_are_not_started() {
    let test_env = TestEnv::new();
    // Far apart from each other, so that a search cannot share their beginnings.
    let secrets: Vec<_> = (1..50_000_u64)
        .map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let request = test_env.request(&json!({"secrets": secrets}));
    let row = not_started("many secrets", &request, "SIGABRT");
    for mode in [Mode::Document, Mode::Stream] {
        assert_refused(&test_env, &row, mode, call(&test_env, &[], "-v 40000"));
    }
}

#[test]
fn few_open_files_are_enough_for_a_run_with_all_that_it_keeps() {
    let test_env = TestEnv::new();
    let version = r#"echo '{"terraform_version":"1.11.4"}'"#;
    test_env.put_program("bin/terraform", &format!("#!/bin/sh\n{version}\n"));
    let request =
        test_env.request(&json!({"run_dir": test_env.at("run"), "tool_version": "1.11.4"}));
    let answer = call(&test_env, &["--stream"], &format!("-n {ENOUGH_FILES}"))
        .run(request.to_string().as_bytes());
    assert_eq!(
        answer.streamed_result()["outcome"],
        "succeeded",
        "{answer:?}"
    );
}

#[test]
fn attach_with_too_few_open_files_knows_nothing_of_the_run_and_says_so() {
    let test_env = TestEnv::new();
    let run_dir = test_env.text_of("run");
    let request = test_env.request(&json!({"run_dir": run_dir}));
    Call::new(&test_env.work_dir(), &test_env.path()).run(request.to_string().as_bytes());
    for files in [4, 6, 9, 15] {
        let limit = format!("-n {files}");
        let answer = call(&test_env, &["attach", &run_dir], &limit).run(b"");
        let result = answer.document();
        assert_valid(&RESULT, &result);
        assert_eq!(result["outcome"], "unknown", "{files}: {result:#}");
        assert_eq!(answer.status, Some(70), "{files}");
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("`ulimit -n`"), "{files}: {sentence}");

        let answer = call(&test_env, &["attach", "--stream", &run_dir], &limit).run(b"");
        assert_valid(&EVENT, &answer.document());
        assert_eq!(answer.streamed_result()["outcome"], "unknown", "{files}");
    }
    let answer = call(&test_env, &["attach", &run_dir], "-n 16").run(b"");
    assert_eq!(answer.document()["outcome"], "succeeded", "{answer:?}");
}

#[test]
fn cancel_with_too_few_open_files_says_so_and_needs_hardly_any() {
    let test_env = TestEnv::new();
    let run_dir = test_env.text_of("run");
    for (files, status, says) in [(4, 70, "`ulimit -n`"), (6, 2, "holds no run")] {
        let answer = call(&test_env, &["cancel", &run_dir], &format!("-n {files}")).run(b"");
        let document = answer.document();
        assert_eq!(document["requested"], false, "{files}: {document}");
        assert_eq!(answer.status, Some(status), "{files}: {document}");
        let message = document["message"].as_str().expect("text");
        assert!(message.contains(says), "{files}: {message}");
    }
}

#[test]
fn doctor_names_too_few_open_files() {
    let test_env = TestEnv::new();
    for files in [4, 10, 20] {
        let answer = call(&test_env, &["doctor"], &format!("-n {files}")).run(b"");
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(text.contains("`ulimit -n`"), "{files}: {text}");
        assert_eq!(answer.status, Some(1), "{files}: {text}");
    }
}

/// Not much more than the smallest stack with which the kernel starts a program.
#[test]
fn a_small_stack_is_enough_for_every_request() {
    let test_env = TestEnv::new();
    let good = test_env.request(&json!({"run_dir": test_env.at("run")}));
    for kibibytes in [24, 32, 64, 128, 256, 512] {
        let limit = format!("-s {kibibytes}");
        let answer = call(&test_env, &[], &limit).run(b"no json\n");
        let result = answer.document();
        assert_eq!(
            result["outcome"], "invalid_request",
            "{kibibytes} KiB: {answer:?}"
        );

        let answer = call(&test_env, &["--stream"], &limit).run(good.to_string().as_bytes());
        let result = answer.streamed_result();
        assert_eq!(
            result["outcome"], "succeeded",
            "{kibibytes} KiB: {answer:?}"
        );
        test_env.assert_was_run();
        std::fs::remove_dir_all(test_env.at("run")).expect("a run directory");

        let answer = call(&test_env, &["cancel", "nothing"], &limit).run(b"");
        assert_eq!(answer.status, Some(2), "{kibibytes} KiB: {answer:?}");
    }
}
