//! Fetches files in Git LFS: a checkout contains pointers in their place.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkout::CheckoutError;
use crate::checkout::check_out::Checkout;
use crate::checkout::git::arguments;
use crate::checkout::git::programs::is_installed;
use crate::checkout::git::{OnLine, Touches};
use crate::checkout::source::address::parse;
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
        self.check_hosts_of_large_files(on_line).await?;
        let args = arguments::set_origin(&self.source.url);
        self.here(args, Touches::Disk, on_line).await?.or_failed()?;
        let pulled = self.here(arguments::lfs_pull(), Touches::Source, on_line);
        pulled.await?.or_refused(self.source, &self.git.address)?;
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
    /// Checks the hosts that the repository itself names for LFS. They are not pinned, and redirects are followed:
    /// git-lfs has no setting for either.
    async fn check_hosts_of_large_files(&self, on_line: OnLine<'_>) -> Result<(), CheckoutError> {
        let root = self.staging.path();
        if self.git.allowed_hosts.is_any() || !root.join(SETTINGS).is_file() {
            return Ok(());
        }
        let args = arguments::settings(SETTINGS, "url$");
        for url in self.values(root, args, on_line).await? {
            self.git.route_to(&parse(&url)?).await?;
        }
        Ok(())
    }
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
}
