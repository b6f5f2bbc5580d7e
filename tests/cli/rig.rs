//! Checks the test rig against the known behaviour of the tools without the runner.
//!
//! The rows of the other modules prove something only if the rig detects a loss when there is one.

use std::process::Command;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::support::bounded::end_of;
use crate::support::mark::{Mark, VARIABLE, carriers_of, is_alive, parent_of};
use crate::support::state::{read_json, resources, three_resources};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        one_sigint_to_the_group_completes_the_state_and_releases_the_lock,
        sigkill_leaves_the_lock_of_a_server_held,
        a_tool_that_is_let_go_applies_everything,
    }

    fn one_sigint_to_the_group_completes_the_state_and_releases_the_lock(
        tool: Tool,
        backend: Backend,
    ) {
        let workspace = Workspace::new(tool, backend);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        assert!(workspace.lock_holder().is_some());
        killpg(pid_of(&bare), Signal::SIGINT).expect("the group is there");
        let status = end_of(&mut bare);
        assert_eq!(status.code(), Some(1));
        workspace.assert_state_is_complete();
        workspace.assert_lock_is_released();
        // Nothing is killed here: the process that the shell was starting ends by itself.
        workspace.wait_until_nothing_runs();
    }

    fn sigkill_leaves_the_lock_of_a_server_held(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        kill(pid_of(&bare), Signal::SIGKILL).expect("the tool is there");
        end_of(&mut bare);
        let (kept, is_locked) = match backend {
            // The operating system has released the lock; only the info file next to it is stale.
            Backend::Local => (three_resources(), false),
            // If an apply takes 20 seconds to reach the slow resource, it sends its state so far.
            Backend::Server if workspace.server().count("POST") > 0 => (three_resources(), true),
            Backend::Server => (Vec::new(), true),
        };
        assert_eq!(workspace.resources(), kept);
        assert_eq!(workspace.lock_holder().is_some(), is_locked);
        // The child of the slow resource continues, and the mark shows it.
        assert!(!workspace.mark.carriers().is_empty());
        workspace.let_go();
        workspace.wait_until_nothing_runs();
    }

    fn a_tool_that_is_let_go_applies_everything(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        workspace.let_go();
        assert!(end_of(&mut bare).success());
        workspace.assert_everything_was_applied();
        workspace.assert_lock_is_released();
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        a_second_sigint_in_a_slow_write_loses_the_resource_in_flight,
        a_refused_write_leaves_an_errored_state_file,
        the_mark_ends_what_carries_it,
    }

    #[test]
    fn the_mark_ends_what_is_forked_while_it_looks() {
        for _ in 0..5 {
            let mark = Mark::new();
            let mut forks = Command::new("/bin/sh")
                .args(["-c", "while :; do (sleep 600 &); sleep 0.002; done"])
                .env(VARIABLE, mark.value())
                .spawn()
                .expect("a shell starts");
            wait_for("its children", SOON, || {
                (mark.carriers().len() > 3).then_some(())
            });
            let value = mark.value().to_owned();
            drop(mark);
            end_of(&mut forks);
            assert_eq!(carriers_of(&value), []);
        }
    }

    fn a_second_sigint_in_a_slow_write_loses_the_resource_in_flight(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        let server = workspace.server();
        // Longer than the five seconds that the tools then still wait.
        server.take_writes(Writes::Held);
        let writes = server.count("POST");
        killpg(pid_of(&bare), Signal::SIGINT).expect("the group is there");
        server.wait_for_more("POST", writes, WITHIN_A_TEST);
        // The write may begin because the shell of the slow resource got the signal, before the tool has handled its
        // own; two pending signals of one kind count as one.
        wait_for("the tool's word for a signal", WITHIN_A_TEST, || {
            workspace
                .bare_output()
                .contains("Interrupt received")
                .then_some(())
        });
        killpg(pid_of(&bare), Signal::SIGINT).expect("the group is there");
        let status = end_of(&mut bare);
        assert_eq!(status.code(), Some(1));
        let kept = workspace.resources();
        assert!(kept.iter().all(|kept| kept.name != "slow"), "{kept:?}");
    }

    fn a_refused_write_leaves_an_errored_state_file(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        workspace.server().take_writes(Writes::Refused);
        workspace.let_go();
        assert_eq!(end_of(&mut bare).code(), Some(1));
        let errored = read_json(&workspace.work_dir().join("errored.tfstate"));
        assert_eq!(resources(&errored.expect("an errored state file")).len(), 4);
        workspace.assert_lock_is_released();
    }

    fn the_mark_ends_what_carries_it(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Local);
        let mut bare = workspace.start_apply_bare();
        workspace.wait_until_in_flight();
        let carriers = workspace.mark.carriers();
        // The tool and its shell stay until they are killed; the child processes of the shell come and go.
        let tool_pid = pid_of(&bare).as_raw();
        let mut pids = carriers.iter().map(|carrier| carrier.pid);
        let shell = pids.clone().find(|&pid| parent_of(pid) == Some(tool_pid));
        let shell = shell.unwrap_or_else(|| panic!("no shell of the tool: {carriers:?}"));
        assert!(pids.any(|pid| pid == tool_pid), "no tool: {carriers:?}");
        assert!(is_alive(tool_pid) && is_alive(shell));
        let value = workspace.mark.value().to_owned();
        drop(workspace);
        end_of(&mut bare);
        assert_eq!(carriers_of(&value), []);
    }
}

fn pid_of(child: &std::process::Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a pid"))
}
