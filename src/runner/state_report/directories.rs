//! Tests with working directories as both tools leave them.

use std::fs;
use std::path::PathBuf;

use super::tests::{args_of, dropped, files, kept};
use super::*;

/// A file that a tool left, by path below `tests/fixtures/state`.
macro_rules! recorded {
    ($path:literal) => {
        include_str!(concat!("../../../tests/fixtures/state/", $path))
    };
}

/// Observes a working directory with some files in it; its lock info belongs to this run.
fn seen(
    entries: &[(&str, &str)],
    line: &str,
    data_dir: Option<&str>,
    workspace: Option<&str>,
) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let (_, args) = args_of(line);
    let place = WorkPlace {
        work_dir: dir.path().to_owned(),
        data_dir: data_dir.map(PathBuf::from),
        workspace: workspace.map(str::to_owned),
        lock_variables: LockVariables::default(),
        args,
        plan_file: None,
        is_init: false,
        started_as: Leader::Tool,
    };
    let (of_run, earlier): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|(path, _)| path.ends_with(".lock.info"));
    for (path, content) in earlier {
        write(path, content);
    }
    let before = look_before(&place);
    for (path, content) in of_run {
        write(path, content);
    }
    observe(&place, &before)
}

#[test]
fn the_lock_file_is_found_where_both_tools_put_it() {
    let info = recorded!("tofu/local-kill.lock.info");
    let local =
        r#"{"backend":{"type":"local","config":{"path":"x/y.tfstate","workspace_dir":"ws"}}}"#;
    let record = (".terraform/terraform.tfstate", local);
    let dev = (".terraform/environment", "dev\n");
    for (path, line, others, workspace) in [
        (".terraform.tfstate.lock.info", "apply", vec![], None),
        (
            ".sub.tfstate.lock.info",
            "apply -state=sub.tfstate",
            vec![dev],
            None,
        ),
        (
            "in/.sub.tfstate.lock.info",
            "apply -state in/sub.tfstate",
            vec![],
            None,
        ),
        (
            ".out.tfstate.lock.info",
            "apply -state=sub.tfstate -state-out=out.tfstate",
            vec![],
            None,
        ),
        (
            "terraform.tfstate.d/dev/.terraform.tfstate.lock.info",
            "apply",
            vec![dev],
            None,
        ),
        (
            "terraform.tfstate.d/qa/.terraform.tfstate.lock.info",
            "apply",
            vec![dev],
            Some("qa"),
        ),
        ("x/.y.tfstate.lock.info", "apply", vec![record], None),
        (
            "ws/dev/.terraform.tfstate.lock.info",
            "apply",
            vec![record, dev],
            None,
        ),
    ] {
        let entries: Vec<_> = others.into_iter().chain([(path, info)]).collect();
        let lock = seen(&entries, line, None, workspace)
            .local_lock
            .unwrap_or_default();
        assert_eq!(lock.who, "root@build-1", "{path}");
        assert!(info.contains(&lock.id), "{path}");
    }
}

#[test]
fn the_backend_is_read_from_what_init_recorded() {
    let path = ".terraform/terraform.tfstate";
    for (content, backend) in [
        (recorded!("terraform/http.backend.json"), kept()),
        (recorded!("tofu/http.backend.json"), kept()),
        (recorded!("terraform/pg.backend.json"), dropped()),
        (recorded!("tofu/pg.backend.json"), dropped()),
        (
            r#"{"backend":{"type":"http","config":{"lock_address":null}}}"#,
            Backend::Remote("http".to_owned(), Survival::Unknown),
        ),
        (
            r#"{"backend":{"type":"s3","config":{"use_lockfile":null}}}"#,
            Backend::Remote("s3".to_owned(), Survival::Dropped),
        ),
        (
            r#"{"backend":{"type":"s3","config":{"use_lockfile":true}}}"#,
            Backend::Remote("s3".to_owned(), Survival::Kept),
        ),
        (r#"{"backend":{"type":"local"}}"#, Backend::Local),
        (r#"{"version":3}"#, Backend::Local),
        (r#"{"backend":7}"#, Backend::Unknown),
        ("{", Backend::Unknown),
    ] {
        assert_eq!(
            seen(&[(path, content)], "apply", None, None).backend,
            backend,
            "{content}"
        );
    }
    assert_eq!(seen(&[], "apply", None, None).backend, Backend::Local);
    let elsewhere = [(
        "data/terraform.tfstate",
        recorded!("tofu/http.backend.json"),
    )];
    assert_eq!(
        seen(&elsewhere, "apply", Some("data"), None).backend,
        kept()
    );
}

#[test]
fn files_of_an_earlier_run_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let place = WorkPlace {
        work_dir: dir.path().to_owned(),
        data_dir: None,
        workspace: None,
        lock_variables: LockVariables::default(),
        args: Vec::new(),
        plan_file: None,
        is_init: false,
        started_as: Leader::Tool,
    };
    let errored = dir.path().join("errored.tfstate");
    let paths = [
        errored.clone(),
        dir.path().join(".terraform.tfstate.lock.info"),
    ];
    let before_both = look_before(&place);
    for path in &paths {
        fs::write(path, "{}").unwrap();
    }
    let left = observe(&place, &before_both);
    assert_eq!(left.errored_state_file, Some(errored.clone()));
    assert_eq!(left.found_errored_state_file, None);
    assert!(left.local_lock.is_some());

    let found = observe(&place, &look_before(&place));
    let untouched = Files {
        found_errored_state_file: Some(errored.clone()),
        is_state_absent: true,
        is_state_unwritten: true,
        ..files(Backend::Local)
    };
    assert_eq!(found, untouched);

    let before = look_before(&place);
    for path in &paths {
        fs::write(path, "[]").unwrap();
    }
    let rewritten = observe(&place, &before);
    assert_eq!(rewritten.errored_state_file, Some(errored));
    assert!(rewritten.local_lock.is_some());
}

/// Changes a working directory after the tool has started, and observes it.
fn changed(entries: &[(&str, &str)], change: impl Fn(&std::path::Path)) -> Files {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in entries {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let place = WorkPlace {
        work_dir: dir.path().to_owned(),
        data_dir: None,
        workspace: None,
        lock_variables: LockVariables::default(),
        args: Vec::new(),
        plan_file: None,
        is_init: false,
        started_as: Leader::Tool,
    };
    let before = look_before(&place);
    change(dir.path());
    observe(&place, &before)
}

const RECORD: &str = ".terraform/terraform.tfstate";

#[test]
fn backend_record_that_was_changed_meanwhile_is_not_trusted() {
    type Change = fn(&std::path::Path);
    let http = r#"{"backend":{"type":"http","config":{"lock_address":"http://h/l"}}}"#;
    let local = r#"{"backend":{"type":"local","config":{}}}"#;
    let remove: Change = |dir| fs::remove_dir_all(dir.join(".terraform")).unwrap();
    let to_local: Change = |dir| {
        fs::write(
            dir.join(RECORD),
            r#"{"backend":{"type":"local","config":{}}}"#,
        )
        .unwrap();
    };
    let to_http: Change = |dir| {
        fs::create_dir_all(dir.join(".terraform")).unwrap();
        fs::write(
            dir.join(RECORD),
            r#"{"backend":{"type":"http","config":{}}}"#,
        )
        .unwrap();
    };
    let again: Change = |dir| {
        let content = fs::read(dir.join(RECORD)).unwrap();
        fs::write(dir.join(RECORD), content).unwrap();
    };
    type Entries<'a> = &'a [(&'a str, &'a str)];
    let table: [(Entries<'_>, Change, Backend); 6] = [
        (&[(RECORD, http)], remove, Backend::Unknown),
        (&[(RECORD, http)], to_local, Backend::Unknown),
        (&[(RECORD, local)], to_http, Backend::Unknown),
        (&[], to_http, Backend::Unknown),
        (&[(RECORD, http)], again, kept()),
        (&[(RECORD, local)], again, Backend::Local),
    ];
    for (number, (entries, change, expected)) in table.into_iter().enumerate() {
        assert_eq!(changed(entries, change).backend, expected, "row {number}");
    }
}

#[test]
fn local_state_that_is_empty_or_cut_is_damaged() {
    const STATE: &str = "terraform.tfstate";
    const BACKUP: &str = "terraform.tfstate.backup";
    let whole = r#"{"version": 4, "resources": []}"#;
    // (earlier state, state, backup, whether it is damaged, whether the backup is named)
    let table = [
        (Some(whole), Some(whole), None, false, false),
        (Some(whole), Some(""), None, true, false),
        (Some(whole), Some(""), Some(whole), true, true),
        (Some(whole), Some(&whole[..9]), Some(whole), true, true),
        (Some(whole), Some(&whole[..9]), Some(""), true, false),
        (Some(whole), Some("junk"), None, true, false),
        // Both tools create the file empty.
        (None, Some(""), None, false, false),
        (None, Some(&whole[..9]), None, true, false),
        (Some(whole), None, Some(whole), false, false),
    ];
    for (number, (earlier, now, backup, is_damaged, is_named)) in table.into_iter().enumerate() {
        let entries: Vec<_> = earlier
            .map(|content| (STATE, content))
            .into_iter()
            .collect();
        let found = changed(&entries, |dir| {
            match now {
                Some(content) => fs::write(dir.join(STATE), content).unwrap(),
                None => fs::remove_file(dir.join(STATE)).unwrap(),
            }
            if let Some(content) = backup {
                fs::write(dir.join(BACKUP), content).unwrap();
            }
        });
        let damaged = found.damaged_state;
        assert_eq!(damaged.is_some(), is_damaged, "row {number}");
        let named = damaged.and_then(|it| it.backup);
        assert_eq!(named.is_some(), is_named, "row {number}");
    }
}

#[test]
fn local_state_without_anything_new_is_not_written() {
    const STATE: &str = "terraform.tfstate";
    let state = |serial: u32, lineage: &str| {
        format!(r#"{{"version": 4, "serial": {serial}, "lineage": "{lineage}"}}"#)
    };
    let first = state(1, "a");
    assert!(changed(&[(STATE, &first)], |_| {}).is_state_unwritten);
    assert!(changed(&[], |_| {}).is_state_unwritten);
    for (text, is_unwritten) in [
        (state(2, "a"), false),
        (state(1, "a"), true),
        (state(99, "b"), true),
        ("{}".to_owned(), true),
    ] {
        let write = |dir: &std::path::Path| fs::write(dir.join(STATE), &text).unwrap();
        let found = changed(&[(STATE, &first)], write);
        assert_eq!(found.is_state_unwritten, is_unwritten, "{text}");
    }
    let write = |dir: &std::path::Path| fs::write(dir.join(STATE), &first).unwrap();
    assert!(!changed(&[], write).is_state_unwritten);
}
