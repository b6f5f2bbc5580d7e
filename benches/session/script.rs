//! The same deployment as a shell script: what a careful person writes.

use std::process::{Child, Command, Stdio};

use crate::bench_env::{BenchEnv, INHERITED, SET};

/// Stops at the first command that fails, fetches one commit and records its id, and applies the plan that was shown.
///
/// `$1` is a new directory, `$2` the repository, `$3` the state file.
const SCRIPT: &str = r#"
set -eu
umask 077
mkdir "$1"
cd "$1"
git init --quiet source
cd source
git fetch --quiet --no-tags --depth=1 "$2" main
git checkout --quiet --detach FETCH_HEAD
git rev-parse HEAD >../commit
{short}terraform init -input=false -backend-config="path=$3" >../init.log 2>&1
{short}terraform plan -input=false -out=../tfplan >../plan.log 2>&1
{short}terraform show -json ../tfplan >../plan.json 2>../show.log
terraform apply -input=false ../tfplan >../apply.log 2>&1
{short}terraform output -json >../outputs.json
"#;

/// Variables that the library sets for the tool and for git.
const ENVIRONMENT: [(&str, &str); 14] = [
    ("TF_IN_AUTOMATION", "1"),
    ("TF_INPUT", "0"),
    ("CHECKPOINT_DISABLE", "1"),
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    // No background work.
    ("GIT_CONFIG_COUNT", "3"),
    ("GIT_CONFIG_KEY_0", "gc.auto"),
    ("GIT_CONFIG_VALUE_0", "0"),
    ("GIT_CONFIG_KEY_1", "maintenance.auto"),
    ("GIT_CONFIG_VALUE_1", "false"),
    ("GIT_CONFIG_KEY_2", "advice.detachedHead"),
    ("GIT_CONFIG_VALUE_2", "false"),
];

/// Whether the script sets Go's collector for short commands as the runner does.
#[derive(Clone, Copy)]
pub enum Collector {
    AsItIs,
    AsWithUs,
}

/// Starts the script.
pub fn start(bench_env: &BenchEnv, collector: Collector) -> Child {
    let short = match collector {
        Collector::AsItIs => "",
        Collector::AsWithUs => "GOGC=400 ",
    };
    let own = INHERITED.map(|name| (name, std::env::var_os(name).unwrap_or_default()));
    Command::new("/bin/sh")
        .args(["-c", &SCRIPT.replace("{short}", short), "deploy"])
        .arg(bench_env.ground.new_path("script"))
        .arg(&bench_env.url)
        .arg(bench_env.ground.new_path("state"))
        .env_clear()
        .envs(own)
        .envs(SET)
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// Waits for the script, which must succeed.
pub fn finish(mut script: Child) {
    assert!(script.wait().expect("it ends").success());
}
