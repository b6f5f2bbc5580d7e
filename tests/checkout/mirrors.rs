//! Mirrors: what is fetched again, by which checkout, and what happens if a mirror is broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use iac_runner::checkout::{CheckoutError, Credentials, GitSource, check_out};

use crate::http_server::{HttpServer, Manner};
use crate::repository::{Repositories, Repository};
use crate::test_env::{TestEnv, block_on, runtime, source};
use crate::waiting::{SOON, wait_for};

/// Size of incompressible data, in bytes.
const BULK: usize = 300_000;

fn with_bulk(repositories: &Repositories) -> Repository {
    let repository = repositories.create("a");
    let mut state = 1_u32;
    let noise: String = (0..BULK)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'!' + u8::try_from((state >> 16) % 90).unwrap())
        })
        .collect();
    repository.write("bulk", &noise);
    repository.commit("bulk");
    repository
}

/// Damages the folder of mirrors.
type Breaks = fn(&Path);

/// Collects the packs and loose objects below a folder.
fn objects_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            objects_in(&path, found);
        } else if path.components().any(|part| part.as_os_str() == "objects") {
            found.push(path);
        }
    }
}

#[test]
fn a_second_checkout_fetches_only_what_is_new() {
    let repositories = Repositories::new();
    let repository = with_bulk(&repositories);
    let server = HttpServer::start(repositories.path(), Manner::default());
    let source = source(server.url("a/.git"), "main");
    let mut test_env = TestEnv::new().with_mirrors();

    test_env.check_out_into("first", &source).unwrap();
    let first = server.fetched_bytes();
    assert!(first > BULK / 2, "{first}");

    test_env.check_out_into("same", &source).unwrap();
    assert_eq!(server.fetched_bytes(), first);

    repository.write("main.tf", "# changed\n");
    repository.commit("changed");
    let found = test_env.check_out_into("changed", &source).unwrap();
    let second = server.fetched_bytes() - first;
    assert!(second > 0 && second < 10_000, "{second}");
    assert_eq!(
        fs::read_to_string(found.root.join("main.tf")).unwrap(),
        "# changed\n"
    );
    assert_eq!(
        fs::metadata(found.root.join("bulk")).unwrap().len(),
        BULK as u64
    );
}

#[test]
fn a_checkout_does_not_need_its_mirror() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let mut test_env = TestEnv::new().with_mirrors();
    let found = test_env
        .check_out(&source(repository.url(), "main"))
        .unwrap();
    fs::remove_dir_all(test_env.path("mirrors")).unwrap();
    assert!(!found.root.join(".git/objects/info/alternates").exists());
    let copy = Repository { path: found.root };
    copy.git(&["fsck", "--full"]);
    copy.git(&["reset", "--hard", "--quiet"]);
    copy.git(&["clone", "--quiet", ".", "again"]);
}

#[test]
fn caller_refused_by_the_server_gets_nothing_from_the_mirror() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let server = HttpServer::with_login(repositories.path(), "x-access-token", "right-right");
    let with = |token: &str, git_ref: &str| GitSource {
        credentials: Credentials::token(token.into()),
        ..source(server.url("a/.git"), git_ref)
    };
    let mut test_env = TestEnv::new().with_mirrors();
    test_env
        .check_out_into("let_in", &with("right-right", "main"))
        .unwrap();
    for git_ref in ["main", &commit] {
        let fault = test_env
            .check_out(&with("wrong-wrong", git_ref))
            .unwrap_err();
        assert!(
            matches!(fault, CheckoutError::BadCredentials { .. }),
            "{fault:?}"
        );
        assert!(!test_env.path("into").exists());
    }
}

#[test]
fn many_at_once_all_succeed() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit("second");
    let test_env = TestEnv::new().with_mirrors();
    thread::scope(|scope| {
        for number in 0..6 {
            let commit = if number % 2 == 0 { &first } else { &second };
            let (test_env, source) = (&test_env, source(repository.url(), commit));
            scope.spawn(move || {
                let into = test_env.path(&number.to_string());
                let found = block_on(check_out(&source, &into, &test_env.options, &mut |_| ()));
                assert_eq!(&found.unwrap().commit.to_string(), commit);
            });
        }
    });
}

#[test]
fn a_broken_mirror_is_made_anew() {
    let repositories = Repositories::new();
    let repository = with_bulk(&repositories);
    let source = source(repository.url(), "main");
    let mut test_env = TestEnv::new().with_mirrors();
    test_env.check_out_into("first", &source).unwrap();
    let breakages: [(&str, Breaks); 4] = [
        ("objects that are garbage", |mirrors| {
            let mut objects = Vec::new();
            objects_in(mirrors, &mut objects);
            assert!(!objects.is_empty());
            for object in objects {
                // They are read-only; a new file in their place is not.
                fs::remove_file(&object).unwrap();
                fs::write(&object, "garbage").unwrap();
            }
        }),
        ("no HEAD", |mirrors| {
            fs::remove_file(the_mirror(mirrors).join("HEAD")).unwrap()
        }),
        ("a configuration that is garbage", |mirrors| {
            fs::write(the_mirror(mirrors).join("config"), "[[[").unwrap();
        }),
        ("the mirror of another URL", |mirrors| {
            fs::write(
                the_mirror(mirrors).join("iac-runner-mirror"),
                "https://other/",
            )
            .unwrap();
        }),
    ];
    for (number, (what, breaks)) in breakages.into_iter().enumerate() {
        breaks(&test_env.path("mirrors"));
        let found = test_env.check_out_into(&format!("after_{number}"), &source);
        let found = found.unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert!(found.root.join("bulk").exists(), "{what}");
    }
}

fn the_mirror(mirrors: &Path) -> PathBuf {
    let mut entries = fs::read_dir(mirrors).expect("a folder").flatten();
    entries
        .find(|entry| entry.path().is_dir())
        .expect("a mirror")
        .path()
}

#[test]
fn a_fetch_that_was_killed_leaves_a_mirror_that_works() {
    let repositories = Repositories::new();
    let repository = with_bulk(&repositories);
    let manner = Manner {
        holds_fetches: true,
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let mut test_env = TestEnv::new().with_mirrors();
    let source = source(server.url("a/.git"), "main");
    let runtime = runtime();
    let (into, options, held) = (
        test_env.path("into"),
        test_env.options.clone(),
        source.clone(),
    );
    let running =
        runtime.spawn(async move { check_out(&held, &into, &options, &mut |_| ()).await });
    server.wait_for_a_held_fetch();
    running.abort();
    assert!(runtime.block_on(running).is_err());
    // As git leaves them when it is killed a little later.
    let mirror = the_mirror(&test_env.path("mirrors"));
    for name in [
        "shallow.lock",
        "packed-refs.lock",
        "objects/pack/tmp_pack_x",
    ] {
        fs::write(mirror.join(name), "").unwrap();
    }
    server.let_go();
    let found = test_env.check_out(&source).unwrap();
    assert_eq!(
        found.commit.to_string(),
        repository.git(&["rev-parse", "HEAD"])
    );
    assert!(!mirror.join("objects/pack/tmp_pack_x").exists());
}

#[test]
fn a_server_that_breaks_off_does_not_cost_the_mirror() {
    let repositories = Repositories::new();
    let repository = with_bulk(&repositories);
    let server = HttpServer::start(repositories.path(), Manner::default());
    let source = source(server.url("a/.git"), "main");
    let mut test_env = TestEnv::new().with_mirrors();
    test_env.check_out_into("first", &source).unwrap();
    let first = server.fetched_bytes();

    repository.write("main.tf", "# changed\n");
    let commit = repository.commit("changed");
    let blob = repository.git(&["rev-parse", &format!("{commit}:main.tf")]);
    let object = repository
        .path
        .join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]));
    let aside = repositories.path().join("aside");
    fs::rename(&object, &aside).unwrap();
    let fault = test_env.check_out(&source).unwrap_err();
    assert!(matches!(fault, CheckoutError::Git { .. }), "{fault:?}");

    fs::rename(&aside, &object).unwrap();
    let before = server.fetched_bytes();
    test_env.check_out(&source).unwrap();
    assert!(server.fetched_bytes() - before < first / 10);
    let kept = fs::read_dir(test_env.path("mirrors")).unwrap().count();
    assert_eq!(kept, 2, "a mirror and its lock");
}

#[test]
fn waiting_for_a_mirror_is_bound_by_the_timeout() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let mut test_env = TestEnv::new().with_mirrors();
    let source = source(repository.url(), "main");
    test_env.check_out_into("first", &source).unwrap();
    let lock = fs::read_dir(test_env.path("mirrors"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "lock")
        })
        .expect("a lock");
    let lock = fs::File::open(lock).unwrap();
    lock.lock().unwrap();
    let mut test_env = test_env.with_timeout(std::time::Duration::from_secs(1));
    let fault = test_env.check_out(&source).unwrap_err();
    assert!(matches!(fault, CheckoutError::TimedOut { .. }), "{fault:?}");
    drop(lock);
    test_env.options.timeout = SOON;
    wait_for("the mirror to be free", SOON, || {
        test_env.check_out(&source).ok()
    });
}
