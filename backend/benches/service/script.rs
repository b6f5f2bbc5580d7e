//! The same four calls of the tool as a shell script, and the clone before them.

use std::process::{Child, Command, Stdio};

use crate::bed::{Bed, SET};

/// `$1` is a new directory, `$2` the repository.
const SCRIPT: &str = r#"
set -eu
git clone --quiet --depth=1 --branch=main "$2" "$1"
cd "$1"
terraform init -input=false >init.log 2>&1
terraform plan -input=false -out=tfplan >plan.log 2>&1
terraform apply -input=false tfplan >apply.log 2>&1
terraform output -json >outputs.json
"#;

/// Starts it.
pub fn start(bed: &Bed, number: usize) -> Child {
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "deploy"])
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
