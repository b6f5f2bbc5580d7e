//! Fetches files in Git LFS: a checkout contains pointers in their place.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkout::CheckoutError;
use crate::checkout::check_out::Checkout;
use crate::checkout::git::arguments;
use crate::checkout::git::host_proxy::HostProxy;
use crate::checkout::git::programs::is_installed;
use crate::checkout::git::route::{ProxyRoute, Route};
use crate::checkout::git::{Finished, GitCall, OnLine, Touches};
use crate::checkout::source::address::{Address, Scheme, UrlFault, parse};
use crate::checkout::staging::at;

/// The program that git runs for `git lfs`.
const PROGRAM: &str = "git-lfs";
/// File in which a repository configures its LFS server.
const SETTINGS: &str = ".lfsconfig";
/// First bytes of a pointer.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Longest pointer, in bytes.
const MAX_POINTER_BYTES: u64 = 1024;
/// Largest attributes file that is read, in bytes; git reads no larger ones.
const MAX_ATTRIBUTES_BYTES: u64 = 100 * 1024 * 1024;

impl Checkout<'_> {
    /// Fetches the files in LFS, if there are any.
    pub(crate) async fn fetch_large_files(&self, on_line: OnLine<'_>) -> Result<(), CheckoutError> {
        let staging = Arc::clone(&self.staging);
        let looked = tokio::task::spawn_blocking(move || first_pointer(staging.path())).await;
        let root = self.staging.path();
        let looked = looked.map_err(io::Error::other).and_then(|looked| looked);
        let pointer = looked.map_err(at(root))?;
        let Some(pointer) = pointer else {
            return Ok(());
        };
        if !is_installed(PROGRAM, self.git.search_path()) {
            let file = pointer.strip_prefix(root).unwrap_or(&pointer);
            return Err(CheckoutError::LfsMissing {
                file: file.display().to_string(),
            });
        }
        let args = arguments::set_origin(&self.source.url);
        self.here(args, Touches::Disk, on_line).await?.or_failed()?;
        let pulled = match self.git.allowed_hosts.is_any() {
            true => self.pull(None, on_line).await?,
            false => self.pull_from_allowed_hosts(on_line).await?,
        };
        pulled.or_refused(self.source, &self.git.address)?;
        let left = first_pointer(root).map_err(at(root))?;
        match left {
            None => Ok(()),
            Some(file) => Err(CheckoutError::Git {
                step: "lfs pull".to_owned(),
                said: format!("`{}` is still a pointer", file.display()),
            }),
        }
    }
}

impl Checkout<'_> {
    /// Fetches the files in LFS from allowed hosts only.
    ///
    /// The server of LFS is determined and checked here. A server names further hosts, so http goes through a
    /// [`HostProxy`]; and if the kernel can restrict it, nothing else does. If this process has a proxy, that proxy
    /// decides.
    async fn pull_from_allowed_hosts(
        &self,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let url = self.lfs_url(on_line).await?;
        let address = match &url {
            Some(url) => parse(url)?,
            None => self.git.address.clone(),
        };
        if address.scheme == Scheme::File && self.git.address.scheme != Scheme::File {
            return Err(UrlFault::Scheme.into());
        }
        let mut route = self.git.route_to(&address).await?;
        let url = url.map(|url| ("lfs.url".to_owned(), url));
        route.settings.extend(url);
        if self.git.has_proxy() {
            return self.pull(Some(&route), on_line).await;
        }
        let proxy = HostProxy::start(self.git.allowed_hosts.clone()).await;
        let mut proxy = proxy.map_err(CheckoutError::Run)?;
        let ssh = [&address, &self.git.address].into_iter();
        let ssh = ssh.filter(|address| address.scheme == Scheme::Ssh);
        route.proxy = Some(ProxyRoute {
            url: proxy.url(),
            connect_ports: ssh.map(Address::port).chain([proxy.port()]).collect(),
            respelled: respelled(&address),
        });
        let pulled = self.pull(Some(&route), on_line);
        tokio::select! {
            // A refusal can also be the reason for the end.
            biased;
            refusal = proxy.refusal() => Err(refusal),
            pulled = pulled => pulled,
        }
    }

    async fn pull(
        &self,
        route: Option<&Route>,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let call = GitCall {
            args: arguments::lfs_pull(),
            in_dir: self.staging.path(),
            touches: Touches::Source,
            route,
            writes: &[],
            keep: Arc::clone(&self.staging) as _,
        };
        self.git.run(call, on_line).await
    }

    /// Returns the address of the LFS server: the one that the repository names, or else the one that git-lfs derives
    /// from an http URL. `None` if git-lfs asks for it over ssh.
    async fn lfs_url(&self, on_line: OnLine<'_>) -> Result<Option<String>, CheckoutError> {
        let root = self.staging.path();
        if let Ok(metadata) = root.join(SETTINGS).symlink_metadata() {
            if !metadata.is_file() {
                // Git-lfs could then read the settings from elsewhere.
                return Err(CheckoutError::Git {
                    step: "lfs pull".to_owned(),
                    said: format!("`{SETTINGS}` is not a regular file"),
                });
            }
            for name in [r"^lfs\.url$", r"^remote\.origin\.lfsurl$"] {
                let args = arguments::settings_with_includes(SETTINGS, name);
                if let Some(url) = self.values(root, args, on_line).await?.pop() {
                    return Ok(Some(url));
                }
            }
        }
        Ok(match self.git.address.scheme {
            Scheme::Http | Scheme::Https => Some(derived_url(&self.source.url)),
            Scheme::Ssh | Scheme::File => None,
        })
    }
}

/// Returns the address of the LFS server of a repository, as git-lfs derives it.
fn derived_url(url: &str) -> String {
    let url = url.strip_suffix('/').unwrap_or(url);
    let ending = if url.ends_with(".git") { "" } else { ".git" };
    format!("{url}{ending}/info/lfs")
}

/// Returns the origin of a loopback address, and another spelling of it.
///
/// Git-lfs uses no proxy for `localhost` and loopback addresses. With a dot at its end, it does not recognize them.
fn respelled(address: &Address) -> Option<(String, String)> {
    let name = address.host_name();
    let is_loopback = name.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback());
    if !is_loopback && !name.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let origin = address.origin()?;
    let other = origin.replacen(name, &format!("{name}."), 1);
    Some((origin, other))
}

/// Returns a file that is a pointer, if the attributes of the checkout assign files to LFS.
fn first_pointer(root: &Path) -> io::Result<Option<PathBuf>> {
    let has_attributes = find(root, &|path| {
        path.file_name() == Some(OsStr::new(".gitattributes")) && names_filter(path)
    })?;
    match has_attributes {
        Some(_) => find(root, &is_pointer),
        None => Ok(None),
    }
}

/// Returns the first matching regular file below a directory, except those of git.
fn find(folder: &Path, fits: &dyn Fn(&Path) -> bool) -> io::Result<Option<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(entry.path());
            } else if kind.is_file() && fits(&entry.path()) {
                return Ok(Some(entry.path()));
            }
        }
    }
    Ok(None)
}

/// Returns whether an attributes file assigns files to LFS.
fn names_filter(path: &Path) -> bool {
    let mut text = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_ATTRIBUTES_BYTES).read_to_end(&mut text));
    read.is_ok() && text.windows(10).any(|part| part == b"filter=lfs")
}

fn is_pointer(path: &Path) -> bool {
    let is_small = path
        .metadata()
        .is_ok_and(|metadata| metadata.len() <= MAX_POINTER_BYTES);
    is_small && fs::read(path).is_ok_and(|text| text.starts_with(POINTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";

    #[test]
    fn a_pointer_is_found_where_attributes_name_the_filter() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let found = || first_pointer(dir.path()).unwrap();
        write("a/function.zip", A_POINTER);
        assert_eq!(found(), None);
        write(".git/.gitattributes", "*.zip filter=lfs");
        write(".gitattributes", "*.sh text eol=lf\n");
        assert_eq!(found(), None);
        write(
            "b/.gitattributes",
            "*.zip filter=lfs diff=lfs merge=lfs -text\n",
        );
        assert_eq!(found(), Some(dir.path().join("a/function.zip")));
        write("a/function.zip", "PK");
        assert_eq!(found(), None);
    }

    #[test]
    fn an_lfs_server_is_derived_as_by_git_lfs() {
        for (url, expected) in [
            ("https://h/a", "https://h/a.git/info/lfs"),
            ("https://h/a/", "https://h/a.git/info/lfs"),
            ("https://h/a.git", "https://h/a.git/info/lfs"),
        ] {
            assert_eq!(derived_url(url), expected, "{url}");
        }
    }

    #[test]
    fn loopback_addresses_are_respelled() {
        let table = [
            ("http://127.0.0.1:80/a", Some("http://127.0.0.1.:80")),
            ("https://localhost/a", Some("https://localhost.")),
            ("http://h/a", None),
            ("http://10.0.0.1/a", None),
            ("git@127.0.0.1:a", None),
        ];
        for (url, expected) in table {
            let found = respelled(&parse(url).unwrap());
            assert_eq!(found.map(|(_, other)| other).as_deref(), expected, "{url}");
        }
    }
}
