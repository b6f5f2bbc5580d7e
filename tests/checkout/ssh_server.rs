//! A real `sshd` on the loopback, with a host key and a user key of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use iac_runner::checkout::Credentials;
use nix::unistd::{Uid, User};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

pub(crate) struct SshServer {
    place: TempDir,
    port: u16,
    user: String,
    child: Child,
}

impl SshServer {
    /// `is_old` servers speak version 0 of git's protocol only.
    pub(crate) fn start(is_old: bool) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: run tests/tools.sh"
        );
        // Where it drops its privileges to; it does not start without.
        if Uid::effective().is_root() {
            fs::create_dir_all("/run/sshd").expect("a folder for sshd");
        }
        let place = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let user = User::from_uid(Uid::effective())
            .expect("a list of users")
            .expect("this user")
            .name;
        for name in ["host", "user", "other"] {
            make_key(&place.path().join(name));
        }
        let config = place.path().join("config");
        let shown = place.path().display();
        let accept = if is_old {
            ""
        } else {
            "AcceptEnv GIT_PROTOCOL\n"
        };
        fs::write(
            &config,
            format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {shown}/host\nPidFile none\n\
                 AuthorizedKeysFile {shown}/user.pub\nStrictModes no\nUsePAM no\n\
                 PasswordAuthentication no\nPermitRootLogin prohibit-password\n{accept}"
            ),
        )
        .expect("a file");
        let child = listening(&config);
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

    /// What lets in.
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials_with("user", "host")
    }

    /// A private key, and the host key to be expected, by the names of their files.
    pub(crate) fn credentials_with(&self, private_key: &str, host_key: &str) -> Credentials {
        let public = self.read(&format!("{host_key}.pub"));
        Credentials::Ssh {
            private_key: self.read(private_key).into(),
            known_hosts: format!("[127.0.0.1]:{} {public}", self.port),
        }
    }

    /// From now on, sessions never do what they were opened for.
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .expect("ssh-keygen is on PATH");
    assert!(made.success());
}

/// Starts the server and waits until it says that it listens.
fn listening(config: &Path) -> Child {
    let mut child = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sshd starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("Server listening") {
        let len = stderr.read_line(&mut said).expect("its words");
        assert!(len > 0, "sshd ended: {said}");
    }
    // Its further words go nowhere, and must not block it.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    child
}
