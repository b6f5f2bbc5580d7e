//! Fetches submodules, including nested ones.
//!
//! If hosts are restricted, each level is fetched by separate calls, since its hosts are known only then. Git itself
//! first resolves the URLs, and relative ones can lead to any host; only checked URLs are then fetched.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkout::CheckoutError;
use crate::checkout::check_out::Checkout;
use crate::checkout::containment::contained;
use crate::checkout::git::arguments;
use crate::checkout::git::route::Route;
use crate::checkout::git::{GitCall, MAX_STDOUT_BYTES, OnLine, Touches};
use crate::checkout::source::address::{Scheme, parse};

/// Deepest nesting of submodules.
const MOST_LEVELS: usize = 20;
/// File in which a repository lists its submodules.
const LIST: &str = ".gitmodules";

impl Checkout<'_> {
    /// Fetches the submodules of the checkout.
    pub(crate) async fn fetch_submodules(&self, on_line: OnLine<'_>) -> Result<(), CheckoutError> {
        let root = self.staging.path().to_owned();
        if self.git.allowed_hosts.is_any() {
            let args = arguments::submodules(true);
            let route = Route::default();
            return self
                .fill(&root, args, Touches::Submodules, &route, on_line)
                .await;
        }
        let mut level = vec![root];
        for _ in 0..MOST_LEVELS {
            let mut next = Vec::new();
            for folder in level {
                if !folder.join(LIST).is_file() {
                    continue;
                }
                let urls = self.urls_of_submodules(&folder, on_line).await?;
                let route = self.route_to_submodules(&urls).await?;
                let args = arguments::submodules(false);
                self.fill(&folder, args, Touches::Submodules, &route, on_line)
                    .await?;
                next.extend(self.submodules_of(&folder, on_line).await?);
            }
            if next.is_empty() {
                return Ok(());
            }
            level = next;
        }
        Err(CheckoutError::TooManyLevels { most: MOST_LEVELS })
    }

    async fn fill(
        &self,
        folder: &Path,
        args: Vec<String>,
        touches: Touches,
        route: &Route,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let call = GitCall {
            args,
            in_dir: folder,
            touches,
            route: Some(route),
            // Their repositories are in that of the checkout.
            writes: &[self.staging.path()],
            keep: Arc::clone(&self.staging) as _,
        };
        self.git.run(call, on_line).await?.or_failed().map(drop)
    }

    /// Registers the submodules of a repository, and returns the URLs that git will fetch them from.
    ///
    /// Git writes the URLs into its configuration and later takes them from there. No request is sent.
    async fn urls_of_submodules(
        &self,
        folder: &Path,
        on_line: OnLine<'_>,
    ) -> Result<Vec<String>, CheckoutError> {
        let args = arguments::register_submodules();
        let route = Route::default();
        self.fill(folder, args, Touches::Disk, &route, on_line)
            .await?;
        let args = arguments::own_settings(r"^submodule\..*\.url$");
        self.values(folder, args, on_line).await
    }

    /// Returns the route to the hosts of submodules.
    async fn route_to_submodules(&self, urls: &[String]) -> Result<Route, CheckoutError> {
        let mut addresses = Vec::new();
        for url in urls {
            let address = parse(&without_user_name(url))?;
            // Git accepts a file only if the source is local too.
            if address.scheme != Scheme::File && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        self.git.route_to_all(&addresses).await
    }

    /// Returns the submodules of a repository that have submodules themselves.
    async fn submodules_of(
        &self,
        folder: &Path,
        on_line: OnLine<'_>,
    ) -> Result<Vec<PathBuf>, CheckoutError> {
        let args = arguments::settings(LIST, r"^submodule\..*\.path$");
        let paths = self.values(folder, args, on_line).await?;
        let mut found = Vec::new();
        for path in paths {
            if !folder.join(&path).is_dir() {
                // Its own settings exclude it from the fetch.
                continue;
            }
            let path = contained(folder, &path)?;
            if path.join(LIST).is_file() {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Returns the values that `git config` prints; empty if it finds none.
    pub(crate) async fn values(
        &self,
        folder: &Path,
        args: Vec<String>,
        on_line: OnLine<'_>,
    ) -> Result<Vec<String>, CheckoutError> {
        let call = GitCall {
            args,
            in_dir: folder,
            touches: Touches::Disk,
            route: None,
            // A submodule has its repository in that of the checkout.
            writes: &[self.staging.path()],
            keep: Arc::clone(&self.staging) as _,
        };
        let printed = self.git.run(call, on_line).await?;
        if !printed.succeeded {
            return Ok(Vec::new());
        }
        if printed.stdout.len() >= MAX_STDOUT_BYTES {
            return Err(CheckoutError::TooManySubmodules);
        }
        let entries = printed.stdout.split('\0');
        Ok(entries
            .filter_map(|entry| Some(entry.split_once('\n')?.1.to_owned()))
            .collect())
    }
}

/// Removes the user name from an http URL: some servers put one there, and it is not part of the host.
fn without_user_name(url: &str) -> Cow<'_, str> {
    let Some((scheme @ ("http" | "https"), rest)) = url.split_once("://") else {
        return url.into();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.split_once('@') {
        Some((user, _)) if !user.contains(':') => {
            format!("{scheme}://{}", &rest[user.len() + 1..]).into()
        }
        Some(_) | None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_no_part_of_a_host() {
        let table = [
            ("https://me@example.com/a", "https://example.com/a"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            (
                "https://me:pass@example.com/a",
                "https://me:pass@example.com/a",
            ),
            ("ssh://git@example.com/a", "ssh://git@example.com/a"),
        ];
        for (url, expected) in table {
            assert_eq!(without_user_name(url), expected);
        }
    }
}
