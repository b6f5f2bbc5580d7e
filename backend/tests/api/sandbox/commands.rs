//! Commands of a configuration, with a service that is root and one that is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Target, with_arguments_of};
use crate::access::gate::WITHIN_MINUTES;
use crate::operation::programs::runner;
use crate::test_env::{SMALL, TestEnv};
use crate::waiting::wait_for;

/// Each line is a name, a colon, and a command that succeeds if the attack does.
///
/// `DATA` is the data directory, `KEY` the sealing key, `SERVICE` the process, `OTHER` the directory of another deployment.
const ATTACKS: &str = r#"
key: cat $KEY
key_by_link: ln -s $KEY link && cat link
key_by_hard_link: ln $KEY hard && cat hard
database: cat $DATA/backend.db
database_write: : >>$DATA/backend.db
new_file: echo x >$DATA/new
sessions: ls $DATA/sessions
other_deployment: cat $OTHER/*/journal.ndjson
mirrors: ls $DATA
environment_of_service: cat /proc/$SERVICE/environ
command_line_of_service: cat /proc/$SERVICE/cmdline
files_of_service: ls /proc/$SERVICE/fd
key_by_root_of_service: cat /proc/$SERVICE/root$KEY
environment_of_parent: cat /proc/$PPID/environ
signal: kill -0 $SERVICE
"#;
/// The strongest signal is only sent where it must fail.
const KILL: &str = "kill: kill -KILL $SERVICE\n";

fn names(table: &str) -> Vec<&str> {
    let lines = table.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, _)| name).collect()
}

fn commands_reach_nothing(tool: &'static str) {
    let target = Target::new(tool, "off");
    assert_eq!(target.reached(ATTACKS), names(ATTACKS));

    let target = Target::new(tool, "auto");
    let all = format!("{ATTACKS}{KILL}");
    assert_eq!(target.reached(&all), Vec::<String>::new());
    // The service was not killed.
    let status = target.client().get("/health").0;
    assert_eq!(status, 200);
}

#[test]
fn commands_reach_nothing_of_the_service_with_terraform() {
    commands_reach_nothing("terraform");
}

#[test]
fn commands_reach_nothing_of_the_service_with_tofu() {
    commands_reach_nothing("tofu");
}

/// A user who owns nothing.
const OTHER_USER: &str = "65534";

/// Starts a service of a user other than root, in a directory of that user.
pub(super) fn of_nobody(mode: &str) -> Target {
    let test_env = TestEnv::new();
    let programs = test_env.path().join("programs");
    fs::create_dir(&programs).unwrap();
    // Where that user can access them.
    let of_workspace = Path::new(env!("CARGO_BIN_EXE_iac-backend"));
    for (name, from) in [("iac-backend", of_workspace), ("iac-runner", runner())] {
        fs::copy(from, programs.join(name)).unwrap();
    }
    fs::create_dir(test_env.path().join("home")).unwrap();
    let user = format!("{OTHER_USER}:{OTHER_USER}");
    let owned = Command::new("chown")
        .args(["-R", &user])
        .arg(test_env.root())
        .status();
    assert!(owned.unwrap().success());
    let own = test_env.command(&[
        "serve",
        "--sandbox",
        mode,
        "--allowed-git-hosts",
        "127.0.0.1",
    ]);
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            OTHER_USER,
            "--regid",
            OTHER_USER,
            "--clear-groups",
        ])
        .arg(programs.join("iac-backend"));
    with_arguments_of(&mut command, &own);
    command
        .env_remove("IAC_BACKEND_SANDBOX_READ")
        .env_remove("IAC_BACKEND_SANDBOX_WRITE")
        .env("IAC_BACKEND_RUNNER", programs.join("iac-runner"))
        .env("HOME", test_env.path().join("home"));
    let running = test_env.start(&mut command);
    Target::of(test_env, running, "terraform")
}

#[test]
fn commands_reach_nothing_of_a_service_without_root() {
    if !nix::unistd::getuid().is_root() {
        // Then the other tests already use such a service.
        return;
    }
    let target = of_nobody("off");
    let reached = target.reached(ATTACKS);
    // What the kernel denies to processes of the same user because the service is not dumpable.
    let kept = [
        "key_by_root_of_service",
        "environment_of_service",
        "files_of_service",
    ];
    let mut expected = names(ATTACKS);
    expected.retain(|name| !kept.contains(name));
    assert_eq!(reached, expected);

    let target = of_nobody("auto");
    let all = format!("{ATTACKS}{KILL}");
    assert_eq!(target.reached(&all), Vec::<String>::new());
    assert_eq!(target.client().get("/health").0, 200);
    let hcl = format!(
        "output \"it\" {{ value = file(\"{}\") }}\n",
        target.key().display()
    );
    assert!(!target.is_planned(&hcl));
}

/// What is inside comes first: nothing below a closed directory can be reached.
const CLOSE_DIRECTORIES: &str = "\
closed: chmod 0 $OTHER $DATA/backend.db $DATA/node $DATA/sessions $DATA
";

#[test]
fn access_that_a_configuration_takes_away_is_restored() {
    let target = if nix::unistd::getuid().is_root() {
        of_nobody("auto")
    } else {
        Target::new("terraform", "auto")
    };
    assert_eq!(target.reached(CLOSE_DIRECTORIES), ["closed"]);
    wait_for("the service to be ready", WITHIN_MINUTES, || {
        (target.client().get("/health/ready").0 == 200).then_some(())
    });
    let id = target.applied(&target.test_env.request(target.tool, SMALL));
    let status = target.client().status(&id);
    assert_eq!(status["reason"], "applied", "{status}");
}
