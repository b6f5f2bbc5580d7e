//! Migration of a database of the previous version.

use iac_backend::auth::{KeyText, Role};
use iac_backend::store::{AuditPage, LeaseState, NameAnswer, Node, Outcome, Owner, QueueState};
use iac_runner::session::{Phase, Reason};
use secrecy::ExposeSecret;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, PgConnection, SqlStr, SqliteConnection};

use crate::test_env::{Database, LONG, NONE, ending, of, on_both};

on_both!(
    what_a_database_held_is_kept_when_it_is_brought_up_to_date,
    a_key_row_of_the_version_before_has_its_one_role,
    processes_that_open_a_new_database_at_once_wait_for_each_other,
    processes_that_upgrade_a_database_at_once_wait_for_each_other,
);

const SQLITE_BEFORE: [(&str, &str); 2] = [
    (
        "records",
        include_str!("../../migrations/sqlite/0001_records.sql"),
    ),
    (
        "decisions",
        include_str!("../../migrations/sqlite/0002_decisions.sql"),
    ),
];
const POSTGRES_BEFORE: [(&str, &str); 2] = [
    (
        "records",
        include_str!("../../migrations/postgres/0001_records.sql"),
    ),
    (
        "decisions",
        include_str!("../../migrations/postgres/0002_decisions.sql"),
    ),
];

/// Rows that a node of the previous version left: one queued deployment, one active, one ended, and two of files, the
/// second of which waited for the first.
const LEFT: &str = "INSERT INTO deployments (id, workspace_key, repository, path, tool, operation, record, standing, \
        status, phase, reason, started_by, created_at, ended_at, node, epoch, lease_until) VALUES \
        ('00000000-0000-4000-8000-000000000001', 'a', 'a', '', 'tofu', 'deploy', '{\"auto_approve\": true}', 'waiting', \
         'running', 'initializing', NULL, 'Ann', 0, NULL, NULL, 0, NULL), \
        ('00000000-0000-4000-8000-000000000002', 'b', 'b', '', 'tofu', 'deploy', '{}', 'active', \
         'running', 'apply', NULL, 'Ann', 0, NULL, 'first', 1, 0), \
        ('00000000-0000-4000-8000-000000000003', 'c', 'c', '', 'tofu', 'deploy', '{}', 'ended', \
         'success', 'completed', 'applied', 'Ann', 0, 0, 'first', 1, NULL), \
        ('00000000-0000-4000-8000-000000000004', 'files', 'files:', '', 'tofu', 'deploy', '{}', 'waiting', \
         'running', 'initializing', NULL, 'Ann', 0, NULL, NULL, 0, NULL), \
        ('00000000-0000-4000-8000-000000000005', 'files', 'files:', '', 'tofu', 'deploy', '{}', 'waiting', \
         'running', 'initializing', NULL, 'Ann', 0, NULL, NULL, 0, NULL); \
     INSERT INTO log_lines (deployment, line, at, phase, text) VALUES \
        ('00000000-0000-4000-8000-000000000003', 0, 0, 'plan', 'one'), \
        ('00000000-0000-4000-8000-000000000003', 1, 0, 'plan', 'two'), \
        ('00000000-0000-4000-8000-000000000003', 2, 0, 'apply', 'three'); \
     INSERT INTO audit (at, actor, action, deployment, detail) VALUES \
        (0, 'Ann', 'start', '00000000-0000-4000-8000-000000000003', ''), \
        (1, 'Bob', 'approve', '00000000-0000-4000-8000-000000000003', 'fine')";

async fn make_as_before(database: &Database) {
    let migrator = |texts: [(&'static str, &'static str); 2]| {
        let numbered = (1..).zip(texts).map(|(number, (name, text))| {
            let text = SqlStr::from_static(text);
            Migration::new(number, name.into(), MigrationType::Simple, text, false)
        });
        Migrator::with_migrations(numbered.collect())
    };
    match database {
        Database::Sqlite(dir) => {
            let file = dir.path().join("backend.db");
            let url = format!("sqlite://{}?mode=rwc", file.display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            let before = migrator(SQLITE_BEFORE);
            let done = before.run_direct(None, &mut connection, false).await;
            done.unwrap();
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url.expose_secret()).await.unwrap();
            let before = migrator(POSTGRES_BEFORE);
            let done = before.run_direct(None, &mut connection, false).await;
            done.unwrap();
        }
    }
}

async fn what_a_database_held_is_kept_when_it_is_brought_up_to_date(database: &Database) {
    make_as_before(database).await;
    let key = KeyText::generate().unwrap();
    insert_key_as_before(database, &key).await;
    database.execute(LEFT.to_owned()).await;

    let store = database.open().await;
    let kept = store.key(key.id()).await.unwrap().unwrap();
    let seen = (kept.roles, kept.name.as_str());
    assert_eq!(seen, (Role::Approver.into(), "ann"));
    assert!(kept.admits(&key));

    let page = AuditPage {
        deployment: None,
        before: None,
        most: 10,
    };
    let trail = store.audit_trail(&page).await.unwrap();
    let seen: Vec<_> = trail
        .iter()
        .map(|it| (it.entry.action.as_str(), it.entry.by_starter, it.outcome))
        .collect();
    let done = Outcome::Done;
    assert_eq!(seen, [("approve", false, done), ("start", false, done)]);

    // The data directory that starts with the name gets the deployments of that name.
    let node = Node {
        name: "first".to_owned(),
        identity: "directory".to_owned(),
        place: "here".to_owned(),
        process: "1".to_owned(),
    };
    let taken = store.take_name(&node, LONG).await.unwrap();
    assert_eq!(taken, NameAnswer::Taken);
    let left = store.claimed_by("first").await.unwrap();
    let own = Owner::Own(left[0].0);
    let left = store.take_over("first", own, LONG).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].deployment.target.repository, "b");
    let ended = store.finish(&left[0].lease, &ending(Reason::Applied)).await;
    assert_eq!(ended.unwrap(), LeaseState::Yes);

    let claim = store.claim("first", NONE).await.unwrap().unwrap();
    assert_eq!(claim.deployment.target.repository, "a");
    assert!(claim.deployment.is_automatic());
    store.enqueue(&of("d"), &[]).await.unwrap();
    let id = "00000000-0000-4000-8000-000000000003".parse().unwrap();
    let ended = store.deployment(id).await.unwrap().unwrap();
    assert_eq!(ended.queue_state, QueueState::Ended);
    assert!(ended.progress.warnings.is_empty());
    let end = store.end_of_log(id, &[Phase::Plan], 99).await.unwrap();
    assert_eq!(end, "one\ntwo\n");
    let second = "00000000-0000-4000-8000-000000000005".parse().unwrap();
    assert_eq!(store.waits_for(second).await.unwrap(), None);
}

async fn processes_that_open_a_new_database_at_once_wait_for_each_other(database: &Database) {
    open_at_once(database).await;
}

async fn processes_that_upgrade_a_database_at_once_wait_for_each_other(database: &Database) {
    make_as_before(database).await;
    open_at_once(database).await;
}

async fn open_at_once(database: &Database) {
    let open = || database.open();
    let opened = <[_; 5]>::from(tokio::join!(open(), open(), open(), open(), open()));
    opened[0].enqueue(&of("a"), &[]).await.unwrap();
    for store in opened {
        assert_eq!(store.waiting().await.unwrap(), 1);
    }
}

/// A service of that version may still run on the database and write such rows.
async fn a_key_row_of_the_version_before_has_its_one_role(database: &Database) {
    let store = database.open().await;
    let key = KeyText::generate().unwrap();
    insert_key_as_before(database, &key).await;
    let kept = store.key(key.id()).await.unwrap().unwrap();
    assert_eq!(kept.roles, Role::Approver.into());
    assert!(kept.admits(&key));
    assert_eq!(store.keys().await.unwrap().len(), 1);
}

async fn insert_key_as_before(database: &Database, key: &KeyText) {
    let id = key.id().to_string();
    let digest: String = key
        .digest()
        .bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (open, close) = match database {
        Database::Sqlite(_) => ("x'", "'"),
        Database::Postgres(_) => ("'\\x", "'"),
    };
    let statement = format!(
        "INSERT INTO api_keys (id, digest, role, name, created_at) \
         VALUES ('{id}', {open}{digest}{close}, 'approver', 'ann', 0)"
    );
    database.execute(statement).await;
}
