//! Why there is no checkout.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::address::UrlFault;
use super::containment::PathFault;
use super::hosts::HostFault;
use super::reference::RefFault;

/// A checkout that did not come about.
///
/// Nothing is left of it: the same call may be made again. `said` is the end of what git, ssh or the server
/// said, masked and bounded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The URL is not taken.
    #[error("the URL of the repository is not taken")]
    Url(#[from] UrlFault),
    /// The ref is not taken.
    #[error("`{git_ref}` is not taken as a ref")]
    Ref {
        /// As it was given.
        git_ref: String,
        /// What is wrong with it.
        source: RefFault,
    },
    /// A part of a commit's name, and no branch or tag is called that.
    #[error(
        "`{git_ref}` is no branch or tag, and as an abbreviated commit it cannot be fetched: \
         servers give out commits by their full name, give all 40 or 64 digits"
    )]
    AbbreviatedCommit {
        /// As it was given.
        git_ref: String,
    },
    /// The credentials are of another kind than the URL needs, or hold what they cannot.
    #[error("the credentials do not fit: {reason}")]
    UnfitCredentials {
        /// What does not fit.
        reason: &'static str,
    },
    /// Something is where the checkout is to go.
    #[error("`{}` exists and is not an empty directory", .into.display())]
    Occupied {
        /// Where the checkout was to go.
        into: PathBuf,
    },
    /// There is no git on `PATH`.
    #[error("`git` was not found on PATH")]
    GitMissing,
    /// The repository or a submodule is on a host that is not allowed.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// The server answers with a redirect, and none is followed.
    #[error("`{url}` is redirected, which is not followed: give the address that it leads to")]
    Redirected {
        /// As it was given.
        url: String,
    },
    /// Submodules have submodules that have more, and so on.
    #[error("there are more than {most} levels of submodules")]
    TooManyLevels {
        /// The bound.
        most: usize,
    },
    /// The list of submodules is too long.
    #[error("the list of submodules is too long")]
    TooManySubmodules,
    /// A sandbox is required, and the kernel can't make a complete one.
    #[error(
        "git can't be confined: the sandbox is required, and the kernel can't make a complete one"
    )]
    NoSandbox,
    /// Files of the repository are in Git LFS, and `git-lfs` is not installed.
    #[error(
        "`{file}` is in Git LFS, and `git-lfs` was not found on PATH: install it, or keep the file in the repository itself"
    )]
    LfsMissing {
        /// One of the files, relative to the root of the repository.
        file: String,
    },
    /// The server wants other credentials, or any.
    #[error(
        "`{host}` did not accept the credentials for `{url}`, or there is no such repository: \
         servers do not tell these apart{}", said_text(.said)
    )]
    BadCredentials {
        /// Who was asked.
        host: String,
        /// For what.
        url: String,
        /// The end of what was said.
        said: String,
    },
    /// The server's host key is none of those that were given.
    #[error(
        "the host key of `{host}` is none of the known ones, somebody may be in between{}", said_text(.said)
    )]
    HostKeyMismatch {
        /// Who was asked.
        host: String,
        /// The end of what was said.
        said: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{url}` has no branch, tag or commit `{git_ref}`")]
    NoSuchRef {
        /// In which repository.
        url: String,
        /// As it was given.
        git_ref: String,
    },
    /// The ref stands for something else than a commit.
    #[error("`{git_ref}` of `{url}` is not a commit")]
    NotACommit {
        /// In which repository.
        url: String,
        /// As it was given.
        git_ref: String,
    },
    /// The server knows of no such repository, or does not let these credentials know.
    #[error(
        "there is no repository `{url}`, or the credentials may not see it: \
         servers do not tell these apart{}", said_text(.said)
    )]
    NoSuchRepository {
        /// As it was given.
        url: String,
        /// The end of what was said.
        said: String,
    },
    /// The server does not answer.
    #[error("`{host}` cannot be reached{}", said_text(.said))]
    Unreachable {
        /// Who was asked.
        host: String,
        /// The end of what was said.
        said: String,
    },
    /// The directory to work in is not there, or leads out of the repository.
    #[error("the directory to work in is not taken")]
    Path(#[from] PathFault),
    /// The checkout did not end in time, and was stopped.
    #[error("the checkout did not end within {} s", .after.as_secs_f64())]
    TimedOut {
        /// The bound.
        after: Duration,
    },
    /// Whoever wanted the checkout wants it no more.
    #[error("the checkout was stopped")]
    Stopped,
    /// A directory or file of the checkout could not be made.
    #[error("`{}` could not be prepared", .path.display())]
    Filesystem {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Git could not be started or waited for, or the credentials could not be handed to it.
    #[error("git could not be run")]
    Run(#[source] io::Error),
    /// Git failed for a reason that has no name of its own.
    #[error("`git {step}` failed{}", said_text(.said))]
    Git {
        /// The subcommand.
        step: String,
        /// The end of what was said.
        said: String,
    },
}

fn said_text(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!("; it said: {said}"),
    }
}
