//! Where a configuration comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A git repository.
    Git(Git),
    /// A directory of this machine, by its absolute path.
    ///
    /// An approval covers everything below it and the modules beside it, not the files that functions of the
    /// configuration (`file`, `templatefile`) read elsewhere.
    Directory(PathBuf),
    /// Files that the request contains: the name, relative and with `/` between its parts, and the text.
    Files(BTreeMap<String, String>),
}

/// A commit, branch or tag of a git repository.
#[derive(Clone, Debug)]
pub struct Git {
    /// `https://`, `http://`, `ssh://`, `user@host:path`, `file://` or an absolute path, without credentials.
    pub url: String,
    /// Branch, tag, or full commit id.
    pub git_ref: String,
    /// Name and password or token, for http and https.
    pub auth: Option<GitAuth>,
    /// Key and known hosts, for ssh.
    pub ssh: Option<SshCredentials>,
    /// Whether submodules are fetched as well.
    pub submodules: bool,
    /// How many commits of the history are fetched, with their tags; 0 for all of them, `None` for the commit
    /// alone.
    pub depth: Option<u32>,
}

/// Name and password or token for a git repository over http or https.
///
/// On the wire, `type` may be `http`, `basic` or `token`, and defaults to `http`. All of them are sent the same
/// way; with `token`, `username` may be left out and is then `token`, which hosts that check only the token accept.
#[derive(Clone, Debug)]
pub struct GitAuth {
    /// User name; may be empty, as some hosts require it with a token.
    pub username: String,
    /// Password or token.
    pub password: SecretString,
}

/// Key and known hosts for a git repository over ssh.
#[derive(Clone, Debug)]
pub struct SshCredentials {
    /// The private key in PEM or OpenSSH form, without a passphrase.
    pub private_key: SecretString,
    /// Lines of a `known_hosts` file. Connections to other hosts are refused.
    pub known_hosts: String,
}

impl Git {
    /// Creates a repository without credentials.
    pub fn new(url: impl Into<String>, git_ref: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            git_ref: git_ref.into(),
            auth: None,
            ssh: None,
            submodules: false,
            depth: None,
        }
    }
}
