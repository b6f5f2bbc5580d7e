//! A real `sshd` on loopback, with its own host key and user key.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use iac_runner::checkout::Credentials;
use nix::unistd::{Uid, User};
use tempfile::TempDir;

use crate::bounded::{end_of, in_time, output_of};

const SSHD: &str = "/usr/sbin/sshd";

pub(crate) struct SshServer {
    place: TempDir,
    port: u16,
    user: String,
    child: Child,
}

impl SshServer {
    /// Starts a server; `is_old` servers support only version 0 of git's protocol.
    pub(crate) fn start(is_old: bool) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: run tests/tools.sh"
        );
        // sshd needs this directory for privilege separation, and does not start without it.
        if Uid::effective().is_root() {
            fs::create_dir_all("/run/sshd").expect("a folder for sshd");
        }
        let place = tempfile::tempdir().expect("a folder");
        let user = User::from_uid(Uid::effective())
            .expect("a list of users")
            .expect("this user")
            .name;
        for name in ["host", "user", "other"] {
            make_key(&place.path().join(name));
        }
        let (port, child) = listening(place.path(), is_old);
        Self {
            place,
            port,
            user,
            child,
        }
    }

    pub(crate) fn url(&self, repository: &Path) -> String {
        let (user, port) = (&self.user, self.port);
        format!("ssh://{user}@127.0.0.1:{port}{}", repository.display())
    }

    /// Returns credentials that the server accepts.
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials_with("user", "host")
    }

    /// Returns credentials with this private key and expected host key, given by file names.
    pub(crate) fn credentials_with(&self, private_key: &str, host_key: &str) -> Credentials {
        let public = self.read(&format!("{host_key}.pub"));
        Credentials::Ssh {
            private_key: self.read(private_key).into(),
            known_hosts: format!("[127.0.0.1]:{} {public}", self.port),
        }
    }

    /// From now on, sessions never execute their command.
    pub(crate) fn hold_sessions(&self) {
        let public = self.read("user.pub");
        let held = self.file("held");
        let forced = format!("command=\"touch {}; exec cat\" {public}", held.display());
        fs::write(self.file("user.pub"), forced).expect("a file");
    }

    pub(crate) fn holds_a_session(&self) -> bool {
        self.file("held").exists()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("a file")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_key(path: &Path) {
    let made = output_of(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
            .arg(path),
    );
    assert!(made.status.success(), "{made:?}");
}

/// How many ports to try: another process may take one before the server does.
const PORTS: usize = 20;

/// Starts the server on a free port and waits until it listens.
fn listening(place: &Path, is_old: bool) -> (u16, Child) {
    let config = place.join("config");
    let mut said = String::new();
    for _ in 0..PORTS {
        let port = free_port();
        write_config(&config, port, is_old);
        match listening_with(&config) {
            Ok(child) => return (port, child),
            Err(last_words) => said = last_words,
        }
    }
    panic!("sshd ended {PORTS} times, at last with: {said}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

fn write_config(config: &Path, port: u16, is_old: bool) {
    let folder = config.parent().expect("a folder").display();
    let accept = if is_old {
        ""
    } else {
        "AcceptEnv GIT_PROTOCOL\n"
    };
    fs::write(
        config,
        format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nPidFile none\n\
             AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\n{accept}"
        ),
    )
    .expect("a file");
}

/// Starts the server and waits until it listens, or returns what it printed before it ended.
fn listening_with(config: &Path) -> Result<Child, String> {
    let mut child = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sshd starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let (stderr, said) = in_time("the server to listen", move || {
        let mut said = String::new();
        while !said.contains("Server listening") {
            if stderr.read_line(&mut said).expect("its words") == 0 {
                return (None, said);
            }
        }
        (Some(stderr), said)
    });
    let Some(mut stderr) = stderr else {
        end_of(&mut child);
        return Err(said);
    };
    // Its further output is discarded, so that it never blocks.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Ok(child)
}
