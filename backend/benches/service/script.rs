//! The same four calls of the tool as a shell script, and the clone before them.

use std::process::{Child, Command, Stdio};

use crate::bed::{Bed, SET};

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

/// Whether the script knows what the runner does about Go's collector in short commands.
#[derive(Clone, Copy)]
pub enum Collector {
    AsItIs,
    AsWithUs,
}

/// Starts it.
pub fn start(bed: &Bed, number: usize, collector: Collector) -> Child {
    let short = match collector {
        Collector::AsItIs => "",
        Collector::AsWithUs => "GOGC=400 ",
    };
    Command::new("/bin/sh")
        .args(["-c", &SCRIPT.replace("{short}", short), "deploy"])
        .arg(bed.ground.new_path("script"))
        .arg(&bed.urls[number])
        .envs(SET)
        .stdin(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// Waits for its end, which must be a good one.
pub fn finish(mut script: Child) {
    assert!(script.wait().expect("it ends").success());
}
