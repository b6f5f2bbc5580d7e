//! Validates names of commits, and resolves them in a server's list of refs.

use super::commit::CommitSha;

/// Longest accepted name, in bytes: a ref is a file name, which has this limit.
const MAX_REF_BYTES: usize = 255;
/// Fewest digits that git accepts as an abbreviated commit id.
const MIN_ABBREVIATED: usize = 4;

/// Why a ref is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefFault {
    /// The ref is empty.
    #[error("the ref is empty")]
    Empty,
    /// Longer than 255 bytes.
    #[error("the ref is longer than {MAX_REF_BYTES} bytes")]
    TooLong,
    /// The ref begins with a dash and could be parsed as an option.
    #[error("the ref begins with a dash")]
    LeadingDash,
    /// A form that no branch or tag can have, such as `main~1`; git-check-ref-format(1) has the rules.
    #[error("the ref is not the name of a branch, a tag or a commit")]
    Malformed,
}

/// What a ref requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefTarget {
    /// This commit.
    Commit(CommitSha),
    /// The commit that this name refers to.
    Name(String),
}

/// Checks that a text can be the name of a branch, a tag or a commit.
///
/// Revision expressions (`main~1`, `v1^{}`, `@`) are not names: the server could not resolve them.
///
/// # Errors
/// The first problem found.
pub fn validate_ref(git_ref: &str) -> Result<(), RefFault> {
    if git_ref.is_empty() {
        return Err(RefFault::Empty);
    }
    if git_ref.len() > MAX_REF_BYTES {
        return Err(RefFault::TooLong);
    }
    if git_ref.starts_with('-') {
        return Err(RefFault::LeadingDash);
    }
    let holds_forbidden = git_ref
        .chars()
        .any(|c| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'));
    let part_is_bad =
        |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let malformed = holds_forbidden
        || git_ref == "@"
        || git_ref.contains("..")
        || git_ref.contains("@{")
        || git_ref.ends_with('.')
        || git_ref.split('/').any(part_is_bad);
    if malformed {
        return Err(RefFault::Malformed);
    }
    Ok(())
}

impl RefTarget {
    /// Treats a full commit id as a commit even if a branch has that name, as git does.
    pub(crate) fn of(git_ref: &str) -> Self {
        git_ref
            .parse()
            .map_or_else(|_| Self::Name(git_ref.to_owned()), Self::Commit)
    }

    /// Returns the object format that the ref implies; for names, the most common one.
    pub(crate) fn object_format(&self) -> &'static str {
        match self {
            Self::Commit(sha) => sha.object_format(),
            Self::Name(_) => "sha1",
        }
    }

    /// Returns the argument for `git fetch`; `None` for a name that it would misinterpret.
    pub(crate) fn fetched_as(&self) -> Option<&str> {
        match self {
            Self::Commit(sha) => Some(sha.as_str()),
            // `+x` fetches `x` by force, and `tag` makes a tag of the next word.
            Self::Name(name) if name.starts_with('+') || name == "tag" => None,
            Self::Name(name) => Some(name),
        }
    }

    /// Returns the full names to ask the server for.
    ///
    /// For a commit this is `HEAD`, whose value does not matter: an answer of the server shows that the credentials
    /// are valid for this repository.
    pub(crate) fn questions(&self) -> Vec<String> {
        match self {
            Self::Commit(_) => vec!["HEAD".to_owned()],
            Self::Name(name) => full_names(name)
                .into_iter()
                .flat_map(|full| [format!("{full}^{{}}"), full])
                .collect(),
        }
    }

    /// Returns the commit in the output of `git ls-remote`; an annotated tag is peeled.
    pub(crate) fn resolved(&self, listing: &str) -> Option<CommitSha> {
        match self {
            Self::Commit(sha) => Some(sha.clone()),
            Self::Name(name) => full_names(name).iter().find_map(|full| {
                let peeled = format!("{full}^{{}}");
                value_of(listing, &peeled).or_else(|| value_of(listing, full))
            }),
        }
    }
}

/// Returns whether a name looks like an abbreviated commit id.
///
/// Only a list from the server could complete it, and no server provides one: git can only fetch full ids.
pub(crate) fn is_abbreviated(git_ref: &str) -> bool {
    git_ref.len() >= MIN_ABBREVIATED && git_ref.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the full names to look up, in the order of gitrevisions(7): a tag takes precedence over a branch.
fn full_names(name: &str) -> Vec<String> {
    let mut names = Vec::new();
    if name == "HEAD" || name.starts_with("refs/") {
        names.push(name.to_owned());
    }
    if name != "HEAD" {
        names
            .extend(["refs/", "refs/tags/", "refs/heads/"].map(|folder| format!("{folder}{name}")));
    }
    names
}

fn value_of(listing: &str, full: &str) -> Option<CommitSha> {
    listing.lines().find_map(|line| {
        let (value, name) = line.split_once('\t')?;
        (name == full).then(|| value.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sha(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    #[test]
    fn names_are_taken_or_refused_as_git_does() {
        let table = [
            ("main", None),
            ("feature/x-1", None),
            ("v1.2.3", None),
            ("HEAD", None),
            ("refs/pull/1/head", None),
            ("ä", None),
            ("a@b", None),
            ("", Some(RefFault::Empty)),
            ("-b", Some(RefFault::LeadingDash)),
            ("--upload-pack=x", Some(RefFault::LeadingDash)),
            ("a b", Some(RefFault::Malformed)),
            ("a\nb", Some(RefFault::Malformed)),
            ("main~1", Some(RefFault::Malformed)),
            ("v1^{}", Some(RefFault::Malformed)),
            ("a:b", Some(RefFault::Malformed)),
            ("a..b", Some(RefFault::Malformed)),
            ("/a", Some(RefFault::Malformed)),
            ("a/", Some(RefFault::Malformed)),
            ("a//b", Some(RefFault::Malformed)),
            ("a/.b", Some(RefFault::Malformed)),
            ("a.lock", Some(RefFault::Malformed)),
            ("a.lock/b", Some(RefFault::Malformed)),
            ("a.", Some(RefFault::Malformed)),
            ("@", Some(RefFault::Malformed)),
            ("a@{1}", Some(RefFault::Malformed)),
            ("a*", Some(RefFault::Malformed)),
        ];
        for (name, fault) in table {
            assert_eq!(validate_ref(name).err(), fault, "{name}");
        }
        assert_eq!(validate_ref(&"a".repeat(256)), Err(RefFault::TooLong));
    }

    #[test]
    fn a_tag_goes_before_a_branch_and_is_peeled() {
        let (branch, tag, peeled) = (sha('1'), sha('2'), sha('3'));
        let listing =
            format!("{branch}\trefs/heads/x\n{tag}\trefs/tags/x\n{peeled}\trefs/tags/x^{{}}\n");
        let table = [
            ("x", Some(&peeled)),
            ("tags/x", Some(&peeled)),
            ("heads/x", Some(&branch)),
            ("refs/heads/x", Some(&branch)),
            ("refs/tags/x", Some(&peeled)),
            ("y", None),
        ];
        for (name, expected) in table {
            let found = RefTarget::of(name).resolved(&listing);
            assert_eq!(
                found.as_ref().map(CommitSha::as_str),
                expected.map(String::as_str),
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_that_fetch_reads_otherwise_is_not_given_to_it() {
        let table = [
            ("main", true),
            ("tag", false),
            ("+main", false),
            ("tags/v1", true),
        ];
        for (name, given) in table {
            let wanted = RefTarget::of(name);
            assert_eq!(wanted.fetched_as(), given.then_some(name));
        }
    }

    #[test]
    fn a_ref_that_only_ends_like_the_name_is_another() {
        let listing = format!("{}\trefs/heads/other/refs/heads/x\n", sha('1'));
        assert_eq!(RefTarget::of("x").resolved(&listing), None);
    }

    #[test]
    fn a_full_commit_name_is_one_and_an_abbreviated_is_a_name() {
        assert_eq!(
            RefTarget::of(&sha('a')),
            RefTarget::Commit(sha('a').parse().unwrap())
        );
        assert_eq!(
            RefTarget::of("abc1234"),
            RefTarget::Name("abc1234".to_owned())
        );
        for (name, expected) in [
            ("abc1234", true),
            ("abc", false),
            ("cafe", true),
            ("main", false),
        ] {
            assert_eq!(is_abbreviated(name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_valid_ref_is_an_option_or_an_expression(name in "\\PC{0,20}") {
            if validate_ref(&name).is_ok() {
                prop_assert!(!name.starts_with('-') && !name.contains(['^', ':', '~', '*', ' ']));
                for question in RefTarget::of(&name).questions() {
                    prop_assert!(question == "HEAD" || question.starts_with("refs/"), "{}", question);
                }
            }
        }

        #[test]
        fn any_listing_is_read_without_a_panic(name in "[a-z]{1,3}", listing in "\\PC{0,80}") {
            let _ = RefTarget::of(&name).resolved(&listing);
        }
    }
}
