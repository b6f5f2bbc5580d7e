//! The arguments of each git command. They contain no secrets.

use crate::checkout::source::commit::CommitSha;

/// Ref prefix for fetched commits in a mirror, and for refs during the search for a commit.
const KEPT: &str = "refs/checkout";

pub(crate) fn list(url: &str, names: &[String]) -> Vec<String> {
    let mut args = owned(&["ls-remote", "--quiet", "--", url]);
    args.extend_from_slice(names);
    args
}

/// `--template` is empty: the machine's own template would add hooks.
pub(crate) fn init(object_format: &str) -> Vec<String> {
    let mut args = owned(&["init", "--quiet", "--template="]);
    args.push(format!("--object-format={object_format}"));
    args
}

pub(crate) fn init_bare(commit: &CommitSha) -> Vec<String> {
    let mut args = init(commit.object_format());
    args.push("--bare".to_owned());
    args
}

/// Fetches one commit, with as much of its history as requested.
pub(crate) fn fetch_commit(url: &str, commit: &CommitSha, depth: Option<u32>) -> Vec<String> {
    fetch(&of_depth(depth), url, &[commit.to_string()])
}

/// Fetches what a name refers to at the server, with as much of its history as requested.
pub(crate) fn fetch_named(url: &str, name: &str, depth: Option<u32>) -> Vec<String> {
    fetch(&of_depth(depth), url, &[name.to_owned()])
}

/// Fetches all tags, each with as much of its history as requested.
pub(crate) fn fetch_tags(url: &str, depth: u32) -> Vec<String> {
    let mut options = of_depth(Some(depth));
    options.push("--no-write-fetch-head".to_owned());
    fetch(&options, url, &["+refs/tags/*:refs/tags/*".to_owned()])
}

/// `None` is the commit alone, and 0 the whole history.
fn of_depth(depth: Option<u32>) -> Vec<String> {
    match depth.unwrap_or(1) {
        0 => Vec::new(),
        depth => vec![format!("--depth={depth}")],
    }
}

/// Fetches the files in LFS, and replaces their pointers.
///
/// The filters are passed explicitly: git reads no configuration of this machine, and without filters it replaces
/// nothing.
pub(crate) fn lfs_pull() -> Vec<String> {
    owned(&[
        "-c",
        "filter.lfs.smudge=git-lfs smudge -- %f",
        "-c",
        "filter.lfs.process=git-lfs filter-process",
        "-c",
        "filter.lfs.clean=git-lfs clean -- %f",
        "-c",
        "filter.lfs.required=true",
        "lfs",
        "pull",
    ])
}

/// Fetches one commit without its history and stores it under [`kept_ref`].
pub(crate) fn fetch_and_keep(url: &str, commit: &CommitSha) -> Vec<String> {
    let refspec = format!("+{commit}:{}", kept_ref(commit));
    fetch(&of_depth(None), url, &[refspec])
}

/// Fetches everything that branches and tags reach, for servers that provide nothing else.
pub(crate) fn fetch_all(url: &str) -> Vec<String> {
    let refspecs = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:{KEPT}/{kind}/*"));
    fetch(&[], url, &refspecs)
}

pub(crate) fn kept_ref(commit: &CommitSha) -> String {
    format!("{KEPT}/commits/{commit}")
}

pub(crate) fn keep(commit: &CommitSha) -> Vec<String> {
    owned(&["update-ref", &kept_ref(commit), commit.as_str()])
}

/// Prints the commit that a name refers to, and fails if it does not refer to one.
pub(crate) fn commit_of(name: &str) -> Vec<String> {
    let peeled = format!("{name}^{{commit}}");
    owned(&[
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &peeled,
    ])
}

/// Relative URLs of submodules are resolved against this URL.
pub(crate) fn set_origin(url: &str) -> Vec<String> {
    owned(&["config", "remote.origin.url", url])
}

/// `fetched` is a name that this crate chose: of a commit, or `FETCH_HEAD`.
pub(crate) fn switch_to(fetched: &str) -> Vec<String> {
    owned(&["checkout", "--quiet", "--force", "--detach", fetched])
}

/// Writes the URLs of submodules into the configuration of the repository: relative ones are resolved.
pub(crate) fn register_submodules() -> Vec<String> {
    owned(&["submodule", "init"])
}

/// Updates submodules recursively, or only the registered ones of the repository itself.
pub(crate) fn submodules(are_recursive: bool) -> Vec<String> {
    let mut args = owned(&["submodule", "update", "--force", "--depth=1", "--progress"]);
    if are_recursive {
        args.extend(owned(&["--init", "--recursive"]));
    }
    args
}

/// Prints the settings of a file whose names match, each terminated by a NUL.
pub(crate) fn settings(file: &str, pattern: &str) -> Vec<String> {
    owned(&["config", "--file", file, "-z", "--get-regexp", pattern])
}

/// Prints the settings of a file and of the files that it includes, as git-lfs reads its own.
pub(crate) fn settings_with_includes(file: &str, pattern: &str) -> Vec<String> {
    let mut args = settings(file, pattern);
    args.insert(1, "--includes".to_owned());
    args
}

/// Prints the settings of the repository itself whose names match, each terminated by a NUL.
pub(crate) fn own_settings(pattern: &str) -> Vec<String> {
    owned(&["config", "-z", "--get-regexp", pattern])
}

fn fetch(options: &[String], url: &str, refspecs: &[String]) -> Vec<String> {
    let mut args = owned(&[
        "fetch",
        "--no-tags",
        "--no-recurse-submodules",
        "--progress",
    ]);
    args.extend_from_slice(options);
    args.extend(owned(&["--", url]));
    args.extend_from_slice(refspecs);
    args
}

fn owned(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_comes_after_the_options() {
        let commit: CommitSha = "a".repeat(40).parse().unwrap();
        for args in [
            list("URL", &["refs/heads/x".to_owned()]),
            fetch_commit("URL", &commit, None),
            fetch_named("URL", "main", Some(3)),
            fetch_tags("URL", 0),
            fetch_and_keep("URL", &commit),
            fetch_all("URL"),
        ] {
            let dashes = args.iter().position(|arg| arg == "--").unwrap();
            assert_eq!(args[dashes + 1], "URL");
            assert!(args[dashes + 1..].iter().all(|arg| !arg.starts_with('-')));
        }
    }

    #[test]
    fn a_depth_is_that_of_the_history() {
        let table = [
            (None, Some("--depth=1")),
            (Some(0), None),
            (Some(7), Some("--depth=7")),
        ];
        for (depth, expected) in table {
            let args = fetch_named("URL", "main", depth);
            let found = args.iter().find(|arg| arg.starts_with("--depth"));
            assert_eq!(found.map(String::as_str), expected, "{depth:?}");
        }
    }

    #[test]
    fn a_repository_is_made_for_the_names_that_its_commits_have() {
        let table = [("a".repeat(40), "sha1"), ("a".repeat(64), "sha256")];
        for (commit, format) in table {
            let commit: CommitSha = commit.parse().unwrap();
            let args = init(commit.object_format());
            assert!(args.contains(&format!("--object-format={format}")));
        }
    }
}
