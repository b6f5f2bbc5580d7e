//! Restrictions on the hosts to fetch from.

use iac_runner::checkout::{AllowedHosts, CheckoutError, Credentials, GitSource, HostFault};

use crate::http_server::{HttpServer, Manner};
use crate::repository::{Repositories, Repository};
use crate::ssh_server::SshServer;
use crate::test_env::{TestEnv, source};

/// Creates an environment that may check out from these hosts.
fn from(patterns: &[&str]) -> TestEnv {
    let mut test_env = TestEnv::new();
    test_env.options.allowed_hosts = AllowedHosts::new(patterns.iter().map(|&it| it.to_owned()));
    test_env
}

fn is_refused(fault: &CheckoutError) -> bool {
    matches!(
        fault,
        CheckoutError::Host(HostFault::NotPublic { .. } | HostFault::NotListed { .. })
    )
}

#[test]
fn a_host_that_is_not_allowed_is_not_asked() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = HttpServer::start(repositories.path(), Manner::default());
    let url = server.url("a/.git");
    let by_name = url.replace("127.0.0.1", "localhost");
    for (patterns, url) in [
        (&["public"][..], &url),
        (&["public", "example.com"], &by_name),
        (&["example.com"], &url),
    ] {
        let fault = from(patterns).refused(&source(url, "main"));
        assert!(is_refused(&fault), "{patterns:?}: {fault:?}");
    }
    assert!(server.seen().is_empty());
    for (pattern, url) in [("127.0.0.1", &url), ("local*", &by_name)] {
        let found = from(&[pattern]).check_out(&source(url, "main"));
        found.expect("it is listed");
    }
}

#[test]
fn another_way_to_write_an_address_is_the_same_address() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = HttpServer::start(repositories.path(), Manner::default());
    for host in ["127.1", "2130706433", "0x7f000001"] {
        let url = server.url("a/.git").replace("127.0.0.1", host);
        let fault = from(&["public"]).refused(&source(url, "main"));
        assert!(is_refused(&fault), "{host}: {fault:?}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn ssh_finds_the_key_of_a_host_by_its_name() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let server = SshServer::start(false);
    let Credentials::Ssh {
        private_key,
        known_hosts,
    } = server.credentials()
    else {
        panic!("an ssh server takes keys");
    };
    let by_name = |text: &str| text.replace("127.0.0.1", "localhost");
    let wanted = GitSource {
        credentials: Credentials::Ssh {
            private_key,
            known_hosts: by_name(&known_hosts),
        },
        ..source(by_name(&server.url(&repository.path)), "main")
    };
    let found = from(&["localhost"]).check_out(&wanted);
    found.expect("the key is known under the name");
    let fault = from(&["public"]).refused(&wanted);
    assert!(is_refused(&fault), "{fault:?}");
}

#[test]
fn a_redirect_is_not_followed() {
    let repositories = Repositories::new();
    repositories.create("a");
    let elsewhere = HttpServer::start(repositories.path(), Manner::default());
    let manner = Manner {
        leads_to: Some(elsewhere.url("").trim_end_matches('/').to_owned()),
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let wanted = source(server.url("a/.git"), "main");
    let fault = from(&["127.0.0.1"]).refused(&wanted);
    assert!(
        matches!(fault, CheckoutError::Redirected { .. }),
        "{fault:?}"
    );
    assert!(elsewhere.seen().is_empty());
    // If all hosts are allowed, it is followed.
    TestEnv::new().check_out(&wanted).expect("it is followed");
}

#[test]
fn a_server_that_wants_dot_git_is_asked_with_it() {
    let repositories = Repositories::new();
    repositories.create("a.git");
    let manner = Manner {
        wants_dot_git: true,
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let found = from(&["127.0.0.1"]).check_out(&source(server.url("a"), "main"));
    found.expect("it is found");
    let fault = from(&["127.0.0.1"]).refused(&source(server.url("nothing"), "main"));
    assert!(
        matches!(&fault, CheckoutError::Redirected { url } if url.ends_with("/nothing")),
        "{fault:?}"
    );
}

#[test]
fn the_body_of_an_error_page_is_not_repeated() {
    const BODY: &str = "words-of-the-server\r\nmore-of-them\rand-more\nlast-words";
    let repositories = Repositories::new();
    for status in [400, 401, 403, 404, 500, 503] {
        let manner = Manner {
            refusal: Some((status, BODY.to_owned())),
            ..Manner::default()
        };
        let server = HttpServer::start(repositories.path(), manner);
        let mut test_env = from(&["127.0.0.1"]);
        let fault = test_env.refused(&source(server.url("a/.git"), "main"));
        let told = format!("{fault} {fault:?} {:?}", test_env.lines);
        for words in ["words", "more-of-them", "and-more"] {
            assert!(!told.contains(words), "{status}: {told}");
        }
    }
}

/// Creates a repository with a submodule that has a submodule, each at the URL given for its name.
fn nested(repositories: &Repositories, url: impl Fn(&str) -> String) {
    repositories.create("inner");
    let add = |to: &Repository, name: &str| {
        let local = format!("file://{}/{name}/.git", repositories.path().display());
        to.git(&["submodule", "--quiet", "add", &local, name]);
        let setting = format!("submodule.{name}.url");
        to.git(&["config", "--file=.gitmodules", &setting, &url(name)]);
        to.commit("submodule");
    };
    let middle = repositories.create("middle");
    add(&middle, "inner");
    let outer = repositories.create("outer");
    add(&outer, "middle");
}

fn with_submodules(server: &HttpServer) -> GitSource {
    GitSource {
        submodules: true,
        ..source(server.url("outer/.git"), "main")
    }
}

#[test]
fn submodules_on_allowed_hosts_are_fetched_level_by_level() {
    let repositories = Repositories::new();
    let server = HttpServer::start(repositories.path(), Manner::default());
    // One is absolute, the other relative to it.
    nested(&repositories, |name| match name {
        "middle" => server.url("middle/.git").replace("127.0.0.1", "localhost"),
        _ => format!("../../{name}/.git"),
    });
    let mut test_env = from(&["127.0.0.1", "localhost"]);
    let found = test_env.check_out(&with_submodules(&server));
    let root = found.unwrap_or_else(|fault| panic!("{fault}")).root;
    assert!(root.join("middle/inner/main.tf").exists());
}

#[test]
fn a_submodule_on_a_host_that_is_not_allowed_is_not_asked_for() {
    for (refused, levels) in [("middle", 1), ("inner", 2)] {
        let repositories = Repositories::new();
        let server = HttpServer::start(repositories.path(), Manner::default());
        let elsewhere = HttpServer::start(repositories.path(), Manner::default());
        nested(&repositories, |name| {
            let at = if name == refused { &elsewhere } else { &server };
            let url = at.url(&format!("{name}/.git"));
            match name == refused {
                true => url.replace("127.0.0.1", "localhost"),
                false => url,
            }
        });
        let fault = from(&["127.0.0.1"]).refused(&with_submodules(&server));
        assert!(is_refused(&fault), "level {levels}: {fault:?}");
        assert!(elsewhere.seen().is_empty(), "level {levels}");
    }
}

/// Relative URLs that git resolves to another host, with `HOST` for its name and port.
const LEAVING: [&str; 7] = [
    "../../../HOST/inner/.git",
    "./../../../HOST/inner/.git",
    ".././../../HOST/inner/.git",
    "././../../../HOST/inner/.git",
    "./../.././../HOST/inner/.git",
    "../../../HOST//inner/.git",
    "./../../../me@HOST/inner/.git",
];

#[test]
fn a_relative_url_leads_to_no_host_that_is_not_allowed() {
    for (refused, table) in [("middle", &LEAVING[..]), ("inner", &LEAVING[..1])] {
        for leaving in table {
            let repositories = Repositories::new();
            let server = HttpServer::start(repositories.path(), Manner::default());
            let elsewhere = HttpServer::start(repositories.path(), Manner::default());
            let host = elsewhere.url("").replace("127.0.0.1", "localhost");
            let host = host.trim_start_matches("http://").trim_end_matches('/');
            nested(&repositories, |name| match name == refused {
                true => leaving.replace("HOST", host),
                false => format!("../../{name}/.git"),
            });
            let fault = from(&["127.0.0.1"]).refused(&with_submodules(&server));
            assert!(is_refused(&fault), "{refused} {leaving}: {fault:?}");
            assert!(elsewhere.seen().is_empty(), "{refused} {leaving}");
        }
    }
}

#[test]
fn a_relative_url_may_lead_to_another_allowed_host() {
    let repositories = Repositories::new();
    let server = HttpServer::start(repositories.path(), Manner::default());
    let host = server.url("").replace("127.0.0.1", "localhost");
    let host = host.trim_start_matches("http://").trim_end_matches('/');
    nested(&repositories, |name| match name {
        "middle" => format!("../../../{host}/middle/.git"),
        _ => "../../inner/.git".to_owned(),
    });
    let mut test_env = from(&["127.0.0.1", "localhost"]);
    let found = test_env.check_out(&with_submodules(&server));
    let root = found.unwrap_or_else(|fault| panic!("{fault}")).root;
    assert!(root.join("middle/inner/main.tf").exists());
}
