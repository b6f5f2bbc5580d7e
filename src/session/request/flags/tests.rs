use super::*;
use crate::session::request::shell_words;

fn check(of: FlagsOf, text: &str) -> Vec<String> {
    let words = shell_words::split(text).expect("words");
    FlagPolicy::default()
        .check(of, &words)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_would_break_a_session_is_refused_by_name() {
    use FlagsOf::{Apply, Init, Plan};
    let table = [
        (Plan, "-chdir=x", "-chdir"),
        (Plan, "--chdir x", "-chdir"),
        (Plan, "-out=x", "-out"),
        (Plan, "-out x", "-out"),
        (Plan, "--out=x", "-out"),
        (Plan, "'-out=x'", "-out"),
        (Plan, "-state=x", "-state"),
        (Plan, "-state-out x", "-state-out"),
        (Plan, "-state-lock=x", "-state-lock"),
        (Plan, "-backup=x", "-backup"),
        (Plan, "-lock=false", "-lock"),
        (Plan, "--lock=0", "-lock"),
        (Plan, "-lock=f", "-lock"),
        (Plan, "-lock=F", "-lock"),
        (Init, "-lock=FALSE", "-lock"),
        (Init, "-lock=False", "-lock"),
        (Plan, "-auto-approve", "-auto-approve"),
        (Plan, "-auto-approve=false", "-auto-approve"),
        (Init, "-input=true", "-input"),
        (Init, "-input", "-input"),
        (Plan, "-input=1", "-input"),
        (Plan, "-json", "-json"),
        (Init, "-json=T", "-json"),
        (Plan, "-json-into=x", "-json-into"),
        (Plan, "-detailed-exitcode", "-detailed-exitcode"),
        (Plan, "-destroy", "-destroy"),
        (Plan, "-refresh-only=true", "-refresh-only"),
        (Plan, "-generate-config-out=x.tf", "-generate-config-out"),
        (Plan, "-help", "-help"),
        (Plan, "-h", "-h"),
        (Init, "-v", "-v"),
        (Plan, "--version", "-version"),
        (Apply, "-version", "-version"),
        (Apply, "-lock-timeout -version", "-version"),
        (Apply, "-parallelism --help", "--help"),
        (Plan, "-var -h", "-h"),
        (Init, "-backend-config -v", "-v"),
        (Init, "-from-module=x", "-from-module"),
        (Init, "-force-copy", "-force-copy"),
        (Init, "--force-copy=true", "-force-copy"),
        (Init, "-migrate-state", "-migrate-state"),
        (Init, "-plugin-dir=/opt/mirror", "-plugin-dir"),
        (Init, "-plugin-dir /opt/mirror", "-plugin-dir"),
        (Plan, "-var-file=prod.tfvars", "-var-file"),
        (Plan, "--var-file prod.tfvars", "-var-file"),
        (Plan, "-show-sensitive", "-show-sensitive"),
        (Apply, "-auto-approve", "-auto-approve"),
        (Apply, "-lock=false", "-lock"),
        (Apply, "-state-out=x", "-state-out"),
        (Apply, "-backup=-", "-backup"),
        (Apply, "-json", "-json"),
        (Apply, "-destroy", "-destroy"),
        (Apply, "-target a.b", "-target"),
        (Apply, "-replace=a.b", "-replace"),
        (Apply, "-exclude=a.b", "-exclude"),
        (Apply, "-var size=3", "-var"),
        (Apply, "-var-file=prod.tfvars", "-var-file"),
        (Apply, "-refresh=false", "-refresh"),
    ];
    for (of, text, flag) in table {
        let faults = check(of, text);
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert!(
            faults[0].starts_with(&format!("the flag `{flag}` is refused: ")),
            "{text}: {faults:?}"
        );
    }
}

#[test]
fn what_does_no_harm_passes() {
    use FlagsOf::{Apply, Init, Plan};
    let table = [
        (
            Apply,
            "-parallelism=1 -lock-timeout 30s -no-color -compact-warnings",
        ),
        (Apply, "-input=false -lock"),
        (Init, ""),
        (Init, "-upgrade -backend-config=bucket=my-tfstate"),
        (Init, "-backend-config bucket=x --reconfigure -get=false"),
        (Init, "-backend-config=envs/prod.hcl -migrate-state=false"),
        (Plan, "-compact-warnings -parallelism=10"),
        (Plan, "-parallelism 10 -lock-timeout 30s -lock=true -lock"),
        (Plan, "-refresh=false -input=false -json=false"),
        (Plan, "-var region=eu -var 'tags={\"a\"=\"-out=b\"}'"),
        (Plan, "-var -out=x"),
        (Plan, "-target=module.a -replace 'a.b[\"c\"]'"),
        (Plan, "-destroy=false -refresh-only=0"),
    ];
    for (of, text) in table {
        assert_eq!(check(of, text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_no_flag_is_refused_by_its_place() {
    let positional = |at| FlagFault::Positional { at }.to_string();
    let malformed = |at| FlagFault::Malformed { at }.to_string();
    let table = [
        ("tfplan", positional(1)),
        ("-parallelism=1 dir", positional(2)),
        ("-lock false", positional(2)),
        ("''", positional(1)),
        ("-", positional(1)),
        ("--", malformed(1)),
        ("-- -out=x", malformed(1)),
        ("---out=x", malformed(1)),
        ("-=x", malformed(1)),
        ("'-a b'", malformed(1)),
    ];
    for (text, fault) in table {
        assert_eq!(check(FlagsOf::Plan, text).first(), Some(&fault), "{text}");
    }
}

#[test]
fn what_says_how_to_work_is_carried_to_the_apply() {
    let words = shell_words::split(
        "-parallelism 3 --lock-timeout=5m -no-color -var 'a=b c' -compact-warnings=false -target=a.b -refresh=false",
    )
    .expect("words");
    assert_eq!(
        carried_to_apply(&words),
        [
            "-parallelism=3",
            "-lock-timeout=5m",
            "-no-color",
            "-compact-warnings=false"
        ]
    );
    assert_eq!(variables(&words), ["-var=a=b c"]);
}

#[test]
fn values_are_looked_at_and_never_repeated() {
    let table = [
        ("-var", "the flag `-var` has no value"),
        (
            "-var-file=/etc/passwd",
            "the file that `-var-file` names is outside",
        ),
        (
            "-var-file a/../../b",
            "the file that `-var-file` names is outside",
        ),
        (
            "-backend-config=../x",
            "the file that `-backend-config` names is outside",
        ),
        (
            "-var db_password=hunter2",
            "`-var` sets a value whose name says that it is secret",
        ),
        (
            "-backend-config=secret_key=hunter2",
            "`-backend-config` sets a value",
        ),
        (
            "-backend-config=conn_str=hunter2",
            "`-backend-config` sets a value",
        ),
    ];
    for (text, start) in table {
        let faults = check(FlagsOf::Init, text);
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert!(faults[0].starts_with(start), "{text}: {faults:?}");
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }
}

#[test]
fn a_policy_can_be_changed() {
    let words = shell_words::split("-json -upgrade").expect("words");
    let policy = FlagPolicy::default().allow("json").refuse(FlagRefusal {
        flag: "upgrade".to_owned(),
        of: Some(FlagsOf::Init),
        when: When::On,
        reason: "versions are pinned here".to_owned(),
    });
    assert_eq!(policy.check(FlagsOf::Plan, &words), []);
    assert_eq!(
        policy.check(FlagsOf::Init, &words),
        [FlagFault::Refused {
            flag: "-upgrade".to_owned(),
            reason: "versions are pinned here".to_owned()
        }]
    );
    assert_eq!(FlagPolicy::new(Vec::new()).refusals(), []);
}
