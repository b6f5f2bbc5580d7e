//! A clone and the same four calls of the tool, as a shell script.

use std::process::{Child, Command, Stdio};

use crate::bench_env::{BenchEnv, SET};

/// `$1` is a new directory, `$2` the repository.
const SCRIPT: &str = r#"
set -eu
git clone --quiet --depth=1 --branch=main "$2" "$1"
cd "$1"
{short}terraform init -input=false >init.log 2>&1
{short}terraform plan -input=false -out=tfplan >plan.log 2>&1
terraform apply -input=false tfplan >apply.log 2>&1
{short}terraform output -json >outputs.json
"#;

/// Whether the script sets Go's collector for short commands as the runner does.
#[derive(Clone, Copy)]
pub enum Collector {
    AsItIs,
    AsWithUs,
}

/// Starts the script.
pub fn start(bench_env: &BenchEnv, number: usize, collector: Collector) -> Child {
    let short = match collector {
        Collector::AsItIs => "",
        Collector::AsWithUs => "GOGC=400 ",
    };
    Command::new("/bin/sh")
        .args(["-c", &SCRIPT.replace("{short}", short), "deploy"])
        .arg(bench_env.ground.new_path("script"))
        .arg(&bench_env.urls[number])
        .envs(SET)
        .stdin(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// Waits for the script, which must succeed.
pub fn finish(mut script: Child) {
    assert!(script.wait().expect("it ends").success());
}
