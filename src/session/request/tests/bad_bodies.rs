//! Bodies that are refused, and the fields that the faults name.

use super::super::*;

/// Members of a body besides a valid repository, and the fields at fault.
const BESIDE_A_REPOSITORY: &[(&str, &[&str])] = &[
    // The tool.
    (r#""tool": "make""#, &["tool"]),
    (r#""tool": """#, &["tool"]),
    (r#""tool": 1"#, &["tool"]),
    (r#""tool": "Terraform""#, &["tool"]),
    // Names and types.
    (r#""nonsense": 1"#, &["nonsense"]),
    (r#""Tool": "tofu", "a b": 1"#, &["Tool", r#"["a b"]"#]),
    (r#""path": "a", "path": "b""#, &["path"]),
    (
        r#""path": 1, "timeout": "60", "auto_approve": "yes""#,
        &["path", "timeout", "auto_approve"],
    ),
    (r#""init_flags": ["-upgrade"]"#, &["init_flags"]),
    (r#""operation": "apply""#, &["operation"]),
    (r#""operation": true"#, &["operation"]),
    (r#""submodules": 1"#, &["submodules"]),
    (r#""tfvars_files": "prod.tfvars""#, &["tfvars_files"]),
    (
        r#""tfvars_files": ["a", 1, "/b", null]"#,
        &["tfvars_files[1]", "tfvars_files[3]", "tfvars_files[2]"],
    ),
    (r#""env_vars": []"#, &["env_vars"]),
    (
        r#""env_vars": {"A": 1, "B": null, "C": "", "A": ""}"#,
        &["env_vars.A", "env_vars.A", "env_vars.B"],
    ),
    (r#""variables": []"#, &["variables"]),
    (
        r#""variables": {"a": {"b": 1, "b": 2}}"#,
        &["variables.a.b"],
    ),
    (
        r#""backend_config": {"encrypt": true}"#,
        &["backend_config.encrypt"],
    ),
    // Credentials of the repository.
    (r#""git_auth": "token""#, &["git_auth"]),
    (
        r#""git_auth": {}"#,
        &["git_auth.username", "git_auth.password"],
    ),
    (r#""git_auth": {"username": "a"}"#, &["git_auth.password"]),
    (
        r#""git_auth": {"username": "a", "password": ""}"#,
        &["git_auth.password"],
    ),
    (
        r#""git_auth": {"username": "a\nb", "password": "hunter2\r"}"#,
        &["git_auth.username", "git_auth.password"],
    ),
    (
        r#""git_auth": {"type": "ssh", "username": "a", "password": "hunter2"}"#,
        &["git_auth.type"],
    ),
    (
        r#""git_auth": {"type": "token", "password": 12345}"#,
        &["git_auth.password"],
    ),
    (
        r#""git_auth": {"username": "a", "password": "hunter2", "pasword": "hunter2"}"#,
        &["git_auth.pasword"],
    ),
    (
        r#""ssh": {"private_key": "-----BEGIN X-----", "known_hosts": "h k"}"#,
        &["ssh"],
    ),
    (
        r#""ssh": {"private_key": "hunter2"}"#,
        &["ssh.known_hosts", "ssh", "ssh.private_key"],
    ),
    // Paths.
    (r#""path": "/etc""#, &["path"]),
    (r#""path": "..""#, &["path"]),
    (r#""path": "a/../../b""#, &["path"]),
    (r#""path": "a\u0000b""#, &["path"]),
    (
        r#""tfvars_files": ["../x", "/etc/passwd", "", "a\u0000"]"#,
        &[
            "tfvars_files[0]",
            "tfvars_files[1]",
            "tfvars_files[2]",
            "tfvars_files[3]",
        ],
    ),
    (
        r#""path": "a", "tfvars_files": ["../ok", "../../x"]"#,
        &["tfvars_files[1]"],
    ),
    (
        r#""path": "/a", "tfvars_files": ["../ok", "/x"]"#,
        &["path", "tfvars_files[1]"],
    ),
    // Environment.
    (
        r#""env_vars": {"1A": "x", "A-B": "x", "": "x"}"#,
        &[r#"env_vars[""]"#, r#"env_vars["1A"]"#, r#"env_vars["A-B"]"#],
    ),
    (r#""env_vars": {"A": "hunter2\u0000"}"#, &["env_vars.A"]),
    (
        r#""env_vars": {"TF_CLI_ARGS": "-lock=false"}"#,
        &["env_vars.TF_CLI_ARGS"],
    ),
    (
        r#""env_vars": {"TF_CLI_ARGS_plan": "-lock=false"}"#,
        &["env_vars.TF_CLI_ARGS_plan"],
    ),
    (
        r#""env_vars": {"TF_DATA_DIR": "/tmp"}"#,
        &["env_vars.TF_DATA_DIR"],
    ),
    (
        r#""env_vars": {"TF_WORKSPACE": "a"}, "workspace": "b""#,
        &["env_vars.TF_WORKSPACE"],
    ),
    // Flags.
    (
        r#""init_flags": "-upgrade 'x", "plan_flags": "a\\""#,
        &["init_flags", "plan_flags"],
    ),
    (
        r#""init_flags": "-from-module=x", "plan_flags": "-destroy""#,
        &["init_flags", "plan_flags"],
    ),
    (
        r#""plan_flags": "-out=x --lock=false -state y""#,
        &["plan_flags", "plan_flags", "plan_flags"],
    ),
    (r#""plan_flags": "tfplan""#, &["plan_flags"]),
    (r#""plan_flags": "-var=x=$HOME""#, &["plan_flags"]),
    (
        r#""plan_flags": "-var db_password=hunter2""#,
        &["plan_flags"],
    ),
    // Numbers.
    (r#""timeout": -1"#, &["timeout"]),
    (r#""timeout": 10080.5"#, &["timeout"]),
    (r#""timeout": 1e300"#, &["timeout"]),
    // Workspace and addresses.
    (r#""workspace": "a/b""#, &["workspace"]),
    (r#""workspace": "..""#, &["workspace"]),
    (r#""workspace": "-x""#, &["workspace"]),
    (
        r#""targets": ["-out=x", "module.a", "web"]"#,
        &["targets[0]", "targets[2]"],
    ),
    (r#""replace": ["module.a", "a.b"]"#, &["replace[0]"]),
    (
        r#""operation": "validate", "targets": ["a.b"], "replace": ["a.b"]"#,
        &["targets", "replace"],
    ),
    (
        r#""operation": "drift", "targets": ["a.b"], "replace": ["a.b"]"#,
        &["replace"],
    ),
    (
        r#""operation": "destroy", "replace": ["a.b"]"#,
        &["replace"],
    ),
    // Variables and settings.
    (
        r#""variables": {"a b": 1, "-x": 1}"#,
        &[r#"variables["-x"]"#, r#"variables["a b"]"#],
    ),
    (
        r#""variables": {"db_password": "hunter2"}"#,
        &["variables.db_password"],
    ),
    (
        r#""variables": {"apiToken": "hunter2", "region": "eu"}"#,
        &["variables.apiToken"],
    ),
    (
        r#""backend_config": {"secret_key": "hunter2", "conn_str": "hunter2", "bucket": "b"}"#,
        &["backend_config.conn_str", "backend_config.secret_key"],
    ),
    (
        r#""backend_config": {"a=b": "x", "c": "x\u0000"}"#,
        &["backend_config.c", r#"backend_config["a=b"]"#],
    ),
    // All at once, in the order of the documentation.
    (
        r#""zzz": 1, "timeout": "x", "plan_flags": "-json", "path": "/x", "tool": "make", "env_vars": {"1": "x"}"#,
        &[
            "tool",
            "path",
            r#"env_vars["1"]"#,
            "plan_flags",
            "timeout",
            "zzz",
        ],
    ),
    (
        r#""source": {"directory": "/srv"}"#,
        &["git_url", "git_ref"],
    ),
];

/// Bodies as a whole.
const WHOLE: &[(&str, &[&str])] = &[
    ("", &["$"]),
    ("  ", &["$"]),
    ("[]", &["$"]),
    ("null", &["$"]),
    ("\"terraform\"", &["$"]),
    ("{", &["$"]),
    ("{} {}", &["$"]),
    (r#"{"tool": tofu}"#, &["tool"]),
    ("{}", &["tool", "git_url", "git_ref"]),
    (
        r#"{"tool": null, "git_url": null}"#,
        &["tool", "git_url", "git_ref"],
    ),
    (
        r#"{"tool": "tofu", "git_url": 1, "git_ref": []}"#,
        &["git_url", "git_ref"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "", "git_ref": ""}"#,
        &["git_url", "git_ref"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "https://me:hunter2@h/a", "git_ref": "-x"}"#,
        &["git_url", "git_ref"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "ext::sh -c x", "git_ref": "a..b"}"#,
        &["git_url", "git_ref"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "/srv/a", "git_ref": "a", "git_auth": {"username": "", "password": "p"}}"#,
        &["git_auth"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "h:a", "git_ref": "a", "git_auth": {"username": "", "password": "p"}}"#,
        &["git_auth"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "h:a", "git_ref": "a"}"#,
        &["ssh"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "FILE:///srv/a", "git_ref": "a", "git_depth": -1}"#,
        &["git_url", "git_depth"],
    ),
    (
        r#"{"tool": "tofu", "git_url": "h:a", "git_ref": "a", "ssh": {"private_key": "hunter2", "known_hosts": " "}}"#,
        &["ssh.private_key", "ssh.known_hosts"],
    ),
    (r#"{"tool": "tofu", "source": "/srv"}"#, &["source"]),
    (r#"{"tool": "tofu", "source": {}}"#, &["source"]),
    (
        r#"{"tool": "tofu", "source": {"directory": "srv"}}"#,
        &["source.directory"],
    ),
    (
        r#"{"tool": "tofu", "source": {"directory": 1}}"#,
        &["source.directory"],
    ),
    (
        r#"{"tool": "tofu", "source": {"directory": "/a", "files": {}}}"#,
        &["source"],
    ),
    (
        r#"{"tool": "tofu", "source": {"directory": "/a", "x": 1}}"#,
        &["source.x"],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": []}}"#,
        &["source.files"],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": {}}}"#,
        &["source.files"],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": {"a.tf": 1, "b.tf": ""}}}"#,
        &[r#"source.files["a.tf"]"#],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": {"a.tf": "", "a.tf": ""}}}"#,
        &[r#"source.files["a.tf"]"#],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": {"a.tf": "", "../b.tf": "", "/c": "", ".git/d": ""}}}"#,
        &[
            r#"source.files["../b.tf"]"#,
            r#"source.files["/c"]"#,
            r#"source.files[".git/d"]"#,
        ],
    ),
    (
        r#"{"tool": "tofu", "source": {"files": {"a.tf": "", "x": "", "x/b": ""}}}"#,
        &["source.files.x"],
    ),
    (
        r#"{"tool": "terraform", "source": {"files": {"a.tofu": ""}}}"#,
        &["source.files"],
    ),
    (
        r#"{"tool": "tofu", "path": "x", "source": {"files": {"a.tf": ""}}}"#,
        &["source.files"],
    ),
    (
        r#"{"tool": "tofu", "source": {"directory": "/a"}, "ssh": {}, "submodules": true}"#,
        &["ssh", "submodules"],
    ),
];

#[test]
fn a_bad_body_is_refused_with_every_field_at_fault() {
    let beside = BESIDE_A_REPOSITORY.iter().map(|(members, fields)| {
        let own_tool = members.contains(r#""tool":"#);
        let tool = if own_tool { "" } else { r#""tool": "tofu", "# };
        let body = format!(
            r#"{{{tool}"git_url": "https://example.com/a", "git_ref": "main", {members}}}"#
        );
        (body, *fields)
    });
    let whole = WHOLE
        .iter()
        .map(|(body, fields)| ((*body).to_owned(), *fields));
    let mut wrong = Vec::new();
    for (body, fields) in beside.chain(whole) {
        match DeployRequest::from_json(body.as_bytes()) {
            Ok(_) => wrong.push(format!("{body} was accepted")),
            Err(error) => {
                let found: Vec<&str> = error.faults.iter().map(|it| it.field.as_str()).collect();
                if sorted(&found) != sorted(fields) {
                    wrong.push(format!("{body}: {error}"));
                }
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("hunter2"), "{body}: {shown}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sorted<'a>(fields: &[&'a str]) -> Vec<&'a str> {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    fields
}

#[test]
fn faults_come_in_the_order_of_the_documentation() {
    let (members, fields) = BESIDE_A_REPOSITORY[BESIDE_A_REPOSITORY.len() - 2];
    let body = format!(r#"{{"git_url": "/a", "git_ref": "b", {members}}}"#);
    let error = DeployRequest::from_json(body.as_bytes()).expect_err("refused");
    let found: Vec<&str> = error.faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(found, fields);
}

#[test]
fn a_sentence_is_bounded_and_a_body_is_too() {
    let members: Vec<String> = (0..500).map(|n| format!("\"f{n}\": 1")).collect();
    let body = format!("{{{}}}", members.join(","));
    let error = DeployRequest::from_json(body.as_bytes()).expect_err("refused");
    assert_eq!(error.faults.len(), 503);
    assert!(error.to_string().len() < 2000, "{error}");

    let error = DeployRequest::from_json(&vec![b' '; MAX_BODY_BYTES + 1]).expect_err("refused");
    assert_eq!(error.faults[0].field, "$");
}

#[test]
fn a_request_that_was_built_is_checked_like_one_that_was_read() {
    let mut request = DeployRequest::git(Tool::Tofu, "https://example.com/a", "main");
    assert_eq!(request.validate(&FlagPolicy::default()), Ok(()));
    request.timeout_minutes = f64::NAN;
    request.workspace = Some(String::new());
    request.plan_flags = "-json".to_owned();
    let error = request
        .validate(&FlagPolicy::default())
        .expect_err("refused");
    let fields: Vec<&str> = error.faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["plan_flags", "timeout", "workspace"]);
    let error = request
        .validate(&FlagPolicy::default().allow("json"))
        .expect_err("refused");
    assert_eq!(error.faults.len(), 2);

    let many = (0..=MAX_FILES).map(|n| (format!("{n}.tf"), String::new()));
    let request = DeployRequest::files(Tool::Tofu, many.collect());
    assert!(request.validate(&FlagPolicy::default()).is_err());
    let large = [("a.tf".to_owned(), "x".repeat(MAX_FILES_BYTES + 1))];
    let request = DeployRequest::files(Tool::Tofu, large.into());
    assert!(request.validate(&FlagPolicy::default()).is_err());
}
