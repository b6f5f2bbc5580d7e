//! Fetches the objects of a commit into a checkout: from the server, or through a mirror.

pub(super) mod lfs;
pub(super) mod mirror;
pub(super) mod submodules;

use std::path::Path;
use std::sync::Arc;

use self::mirror::Mirror;
use super::CheckoutError;
use super::check_out::Checkout;
use super::git::arguments;
use super::git::failure::GitFailure;
use super::git::{Finished, GitCall, OnLine, Touches};
use super::source::commit::CommitSha;
use super::source::reference::RefTarget;
use super::staging::at;
use crate::process::remove_tree;

/// File in which git records its last fetch.
const FETCHED: &str = "FETCH_HEAD";

impl Checkout<'_> {
    /// Fetches from the server, and returns the name of the fetched commit in the repository.
    ///
    /// The request names the ref itself, so one exchange resolves and fetches it. If the ref is the reason for a
    /// failure, the server's refs are listed: they show the cause, or another way.
    pub(super) async fn fetch(&self, on_line: OnLine<'_>) -> Result<String, CheckoutError> {
        let wanted = RefTarget::of(&self.source.git_ref);
        self.make_repository(wanted.object_format(), on_line)
            .await?;
        if let Some(name) = wanted.fetched_as() {
            let args = arguments::fetch_named(&self.source.url, name, self.source.depth);
            let fetched = self.here(args, Touches::Source, on_line).await?;
            let goes_on = match fetched.failure() {
                GitFailure::NoSuchObject | GitFailure::OnlyTips | GitFailure::OtherFormat => true,
                GitFailure::HostKey
                | GitFailure::Credentials
                | GitFailure::Unreachable
                | GitFailure::NoSuchRepository
                | GitFailure::Redirected
                | GitFailure::Other => false,
            };
            if fetched.succeeded || !goes_on {
                let refused = fetched.or_refused(self.source, &self.git.address);
                return refused.map(|_| FETCHED.to_owned());
            }
        }
        let commit = self.resolve(on_line).await?;
        if commit.object_format() != wanted.object_format() {
            let made = self.staging.path().join(".git");
            remove_tree(&made).map_err(at(&made))?;
            self.make_repository(commit.object_format(), on_line)
                .await?;
        }
        self.fetch_commit(&commit, on_line).await?;
        Ok(commit.to_string())
    }

    async fn fetch_commit(
        &self,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let url = &self.source.url;
        let args = arguments::fetch_commit(url, wanted, self.source.depth);
        let fetched = self.here(args, Touches::Source, on_line).await?;
        if fetched.succeeded || fetched.failure() != GitFailure::OnlyTips {
            return fetched.or_refused(self.source, &self.git.address).map(drop);
        }
        let args = arguments::fetch_all(url);
        let fetched = self.here(args, Touches::Source, on_line).await?;
        fetched.or_refused(self.source, &self.git.address)?;
        let args = arguments::commit_of(wanted.as_str());
        let found = self.here(args, Touches::Disk, on_line).await?;
        if found.succeeded {
            Ok(())
        } else {
            Err(self.absent())
        }
    }

    /// Updates the mirror, and fetches from it.
    ///
    /// If that fails, the mirror or the server may be at fault: a new mirror, made beside the old one, shows which.
    /// It replaces the old one only if it is complete, so a server that disconnects destroys nothing.
    pub(super) async fn fetch_through(
        &self,
        cache: &Path,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let mirror = Mirror::lock(cache, &self.source.url).await?;
        match self.fetch_by(&mirror, wanted, on_line).await {
            Err(CheckoutError::Git { .. } | CheckoutError::Filesystem { .. }) => {
                let fresh = mirror.next_to();
                fresh.discard();
                match self.fetch_by(&fresh, wanted, on_line).await {
                    Ok(()) => fresh.replace(&mirror),
                    Err(fault) => {
                        fresh.discard();
                        Err(fault)
                    }
                }
            }
            outcome => outcome,
        }
    }

    async fn fetch_by(
        &self,
        mirror: &Mirror,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        if mirror.is_made() {
            mirror.remove_leftovers();
        } else {
            mirror.clear()?;
            let args = arguments::init_bare(wanted);
            let made = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
            made.or_failed()?;
            mirror.mark()?;
        }
        let args = arguments::commit_of(&arguments::kept_ref(wanted));
        let kept = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
        if !kept.succeeded {
            self.update(mirror, wanted, on_line).await?;
        }
        let here = mirror.path.display().to_string();
        let args = arguments::fetch_commit(&here, wanted, None);
        let call = GitCall {
            args,
            in_dir: self.staging.path(),
            touches: Touches::Mirror,
            route: None,
            writes: &[&mirror.path],
            keep: Arc::new((Arc::clone(&self.staging), Arc::clone(&mirror.lock))),
        };
        let copied = self.git.run(call, on_line).await?;
        copied.or_failed().map(drop)
    }

    /// Fetches from the server what the mirror lacks.
    async fn update(
        &self,
        mirror: &Mirror,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let url = &self.source.url;
        let args = arguments::fetch_and_keep(url, wanted);
        let fetched = self
            .in_mirror(mirror, args, Touches::Source, on_line)
            .await?;
        if fetched.succeeded || fetched.failure() != GitFailure::OnlyTips {
            return fetched.or_refused(self.source, &self.git.address).map(drop);
        }
        let args = arguments::fetch_all(url);
        let fetched = self
            .in_mirror(mirror, args, Touches::Source, on_line)
            .await?;
        fetched.or_refused(self.source, &self.git.address)?;
        let args = arguments::keep(wanted);
        let kept = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
        if kept.succeeded {
            Ok(())
        } else {
            Err(self.absent())
        }
    }

    async fn in_mirror(
        &self,
        mirror: &Mirror,
        args: Vec<String>,
        touches: Touches,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let call = GitCall {
            args,
            in_dir: &mirror.path,
            touches,
            route: None,
            writes: &[],
            keep: Arc::new((Arc::clone(&self.staging), Arc::clone(&mirror.lock))),
        };
        self.git.run(call, on_line).await
    }
}
