//! A folder whose disk does not respond to anything, not even to a stat.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A FUSE file system over a folder whose server never responds; dropping it ends it.
pub(super) struct HungFolder {
    /// Keeps the server's end open until its stdin is closed.
    server: Child,
}

const SERVER: &str = "\
exec 7<>/dev/fuse
mount -i -t fuse -o fd=7,rootmode=40000,user_id=0,group_id=0,allow_other none \"$1\" && echo mounted
read -r _
umount -l \"$1\"
";

impl HungFolder {
    /// Hides a folder behind it; fails the test if that is not allowed.
    #[track_caller]
    pub(super) fn over(folder: &Path) -> Self {
        let mut server = Command::new("sh")
            .args(["-c", SERVER, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the shell writes");
        assert_eq!(line, "mounted\n", "run the tests as root");
        Self { server }
    }
}

impl Drop for HungFolder {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
