//! Ways out of the sandbox that must be closed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use super::{SECRET, confined, fails, runs_script, secret_folder, succeeds};
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    local_exec_reaches_nothing_outside,
    file_function_reads_nothing_outside,
    module_from_an_absolute_path_is_out_of_reach,
    link_left_by_a_run_opens_nothing_for_the_next,
    a_link_in_place_of_the_working_directory_is_refused,
    env_vars_open_no_path,
    state_outside_is_not_written,
    environment_of_the_runner_is_out_of_reach,
    a_record_that_the_tool_could_change_is_refused,
}

/// Each line is a name, a colon, and a command that succeeds if the attack does. `S` is a directory outside, `P` a
/// process outside.
const ATTACKS: &str = r#"
read: cat $S/key
list: ls $S
search: find $S -name key | grep key
append: echo x >>$S/key
create: echo x >$S/new
remove: rm $S/key
read_through_link: ln -s $S link1 && cat link1/key
write_through_link: ln -s $S link2 && echo x >link2/new
hard_link: ln $S/key hard
move_out: mv $S/key stolen
move_in: echo x >planted && mv planted $S/planted
exchange: mkdir d && mv -T d $S
copy_up: cp main.tf ../main.tf
truncate: : >$S/key
environ: cat /proc/$P/environ
cmdline: cat /proc/$P/cmdline
maps: cat /proc/$P/maps
memory: dd if=/proc/$P/mem bs=1 count=1
descriptors: ls /proc/$P/fd/
root_of_process: cat /proc/$P/root$S/key
cwd_of_process: ls /proc/$P/cwd/
processes: ls /proc
parent_environ: cat /proc/$(grep -h PPid /proc/self/status | tr -dc 0-9)/environ
ptrace: perl -e '$! = 0; exit(syscall(101, 16, $ENV{P}, 0, 0) == 0 ? 0 : 1)'
signal: kill -0 $P
limits: prlimit -p $P --cpu=1000000:1000000
priority: renice -n 5 -p $P
scheduler: chrt --idle --pid 0 $P
disk_priority: ionice -c 3 -p $P
kill_all: perl -e 'exit(kill(0, $ENV{P}) ? 0 : 1)'
user_namespace: unshare -r cat $S/key
mount_namespace: unshare -rm mount --bind $S /mnt
enter_namespace: nsenter -t $P -m cat $S/key
chroot: chroot / cat $S/key
other_user: su nobody -s /bin/sh -c 'cat $S/key'
setuid: cp /bin/cat mycat && chmod u+s mycat && ./mycat $S/key
device: mknod disk b 8 0
shadow: cat /etc/shadow
host_keys: cat /etc/ssh/ssh_host_*_key
private_keys: ls /etc/ssl/private
other_temporary_files: ls $(dirname $TMPDIR)
shared_memory: echo x >/dev/shm/iac-test-planted
kernel_setting: : >>/proc/sys/kernel/core_pattern
control_group: : >>/sys/fs/cgroup/cgroup.procs
run: ls /run
home: ls $HOME
"#;

/// Commands that must succeed; otherwise the attacks prove nothing.
const CONTROLS: &str = r#"
own_files: cat main.tf
temporary_files: echo x >$TMPDIR/file && mkdir $TMPDIR/a && mv $TMPDIR/file $TMPDIR/a/
rename: mkdir e f && touch e/x && mv e/x f/
own_signals: sleep 60 & kill $!
programs: perl -e 'exit 0'
null: echo x >/dev/null
resolver: cat /etc/passwd
"#;

/// Returns a script that writes the names of the commands that succeed to `reached`.
fn script(folder: &Path, pid: u32) -> String {
    let mut script = format!("export S={} P={pid}\n: >reached\n", folder.display());
    let lines = ATTACKS.lines().chain(CONTROLS.lines());
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, command) = line.split_once(": ").expect("a name and a command");
        script.push_str(&format!(
            "if ( {command} ) >/dev/null 2>&1 </dev/null; then echo {name} >>reached; fi\n"
        ));
    }
    script
}

fn names(table: &str) -> Vec<&str> {
    let lines = table.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, _)| name).collect()
}

fn local_exec_reaches_nothing_outside(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("attack.sh"));
    let folder = secret_folder(&workspace);
    let text = script(&folder, std::process::id());
    fs::write(workspace.work_dir().join("attack.sh"), text).expect("the script is written");
    succeeds(
        &workspace,
        &confined(&workspace, "apply", &["-auto-approve"]),
    );
    let reached = fs::read_to_string(workspace.work_dir().join("reached")).expect("it ran");
    let reached: Vec<&str> = reached.lines().collect();
    assert_eq!(reached, names(CONTROLS));
    let key = fs::read_to_string(folder.join("key")).expect("the secret is there");
    assert_eq!(key, SECRET);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
}

fn file_function_reads_nothing_outside(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let key = secret_folder(&workspace).join("key");
    let hcl = format!(
        "output \"key\" {{\n  value = file(\"{}\")\n}}\n",
        key.display()
    );
    fs::write(workspace.work_dir().join("key.tf"), hcl).expect("a configuration");
    succeeds(&workspace, &confined(&workspace, "init", &[]));
    for (command, args) in [("plan", [].as_slice()), ("apply", &["-auto-approve"])] {
        fails(&workspace, &confined(&workspace, command, args));
    }
    let found = format!(
        "output \"found\" {{\n  value = fileset(\"{}\", \"*\")\n}}\n",
        key.parent().expect("a folder").display()
    );
    fs::write(workspace.work_dir().join("key.tf"), found).expect("a configuration");
    let ending = Launch::request(&workspace, &confined(&workspace, "plan", &[])).run();
    assert!(!ending.text().contains("\\\"key\\\","), "{}", ending.text());
}

fn module_from_an_absolute_path_is_out_of_reach(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let folder = secret_folder(&workspace);
    fs::write(folder.join("main.tf"), "output \"a\" {\n  value = 1\n}\n").expect("a module");
    let hcl = format!(
        "module \"out\" {{\n  source = \"{}\"\n}}\n",
        folder.display()
    );
    fs::write(workspace.work_dir().join("module.tf"), hcl).expect("a configuration");
    fails(&workspace, &confined(&workspace, "init", &[]));
}

fn link_left_by_a_run_opens_nothing_for_the_next(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("read.sh"));
    let folder = secret_folder(&workspace);
    let link = workspace.work_dir().join("link");
    symlink(&folder, &link).expect("a link");
    let script = "cat link/key >stolen; cat link/key >>stolen; echo x >link/new; true";
    fs::write(workspace.work_dir().join("read.sh"), script).expect("the script is written");
    let mut request = confined(&workspace, "apply", &["-auto-approve"]);
    request["sandbox"]["read"] = json!([link, link.join("key")]);
    request["sandbox"]["write"] = json!([link]);
    let ending = Launch::request(&workspace, &request)
        .env("TF_PLUGIN_CACHE_DIR", link.to_str().expect("text"))
        .run();
    // The tool may refuse a plugin cache that it cannot read.
    let result = ending.result();
    super::assert_is_confined(&result);
    let stolen = fs::read_to_string(workspace.work_dir().join("stolen")).unwrap_or_default();
    assert_eq!(stolen, "", "{result:#}");
    assert!(!folder.join("new").exists());
}

/// An earlier run has replaced its own directory within the source.
fn a_link_in_place_of_the_working_directory_is_refused(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, "");
    let other = secret_folder(&workspace);
    let output = format!("output \"it\" {{\n  value = \"{SECRET}\"\n}}\n");
    fs::write(other.join("main.tf"), output).expect("a configuration");
    let source = workspace.home().join("source");
    fs::create_dir_all(source.join("real")).expect("a directory");
    symlink(&other, source.join("sub")).expect("a link");
    symlink("real", source.join("alias")).expect("a link");
    for list in ["read", "write"] {
        let mut request = confined(&workspace, "validate", &[]);
        request["sandbox"][list] = json!([source]);
        request["work_dir"] = json!(source.join("sub"));
        let ending = Launch::request(&workspace, &request).run();
        let result = ending.result();
        ending.assert_outcome(&result, "not_started");
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("which a link in"), "{sentence}");

        // A link that stays inside gives access to nothing else.
        request["work_dir"] = json!(source.join("alias"));
        succeeds(&workspace, &request);
    }
}

fn env_vars_open_no_path(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("read.sh"));
    let folder = secret_folder(&workspace);
    let script = format!("cat {}/key >stolen; true", folder.display());
    fs::write(workspace.work_dir().join("read.sh"), script).expect("the script is written");
    let args = ["-auto-approve", "-replace=terraform_data.script"];
    for name in [
        "TF_PLUGIN_CACHE_DIR",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "AWS_SHARED_CREDENTIALS_FILE",
    ] {
        let mut request = confined(&workspace, "apply", &args);
        request["env_vars"][name] = json!(folder);
        let ending = Launch::request(&workspace, &request).run();
        super::assert_is_confined(&ending.result());
        let stolen = fs::read_to_string(workspace.work_dir().join("stolen")).unwrap_or_default();
        assert_eq!(stolen, "", "{name}");
    }
}

fn state_outside_is_not_written(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, "");
    let folder = secret_folder(&workspace);
    let option = format!("-state={}", folder.join("key").display());
    let args = ["-auto-approve", option.as_str()];
    fails(&workspace, &confined(&workspace, "apply", &args));
    let key = fs::read_to_string(folder.join("key")).expect("the secret is there");
    assert_eq!(key, SECRET);
}

fn environment_of_the_runner_is_out_of_reach(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("read.sh"));
    // Every process that the script could know: its ancestors, and all processes near them.
    let script = "read -r own rest </proc/self/stat || own=$$\n\
                  : >stolen\n\
                  for pid in $PPID $(seq $((own - 200)) $((own + 20))); do\n\
                  tr '\\0' '\\n' </proc/$pid/environ 2>/dev/null | grep '^SERVICE_KEY=' >>stolen\n\
                  done; true";
    fs::write(workspace.work_dir().join("read.sh"), script).expect("the script is written");
    let request = confined(&workspace, "apply", &["-auto-approve"]);
    let ending = Launch::request(&workspace, &request)
        .env("SERVICE_KEY", SECRET)
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    let stolen = fs::read_to_string(workspace.work_dir().join("stolen")).expect("it ran");
    assert_eq!(stolen, "");
}

fn a_record_that_the_tool_could_change_is_refused(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, "");
    let mut request = confined(&workspace, "plan", &[]);
    request["run_dir"] = json!(workspace.work_dir().join("run"));
    let ending = Launch::request(&workspace, &request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(
        sentence.contains("which the confined tool may change"),
        "{sentence}"
    );
}
