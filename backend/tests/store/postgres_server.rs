//! A real PostgreSQL, started once for all tests of this program, with a database for each of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::bounded::{in_time, output_of};

/// The server ends with this process, which closes the script's stdin.
struct Server {
    socket_dir: String,
    _script: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// Returns the URL of a new database.
pub(crate) async fn new_database() -> SecretString {
    let server = SERVER.get_or_init(start);
    let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let url = |name: &str| format!("postgres://iac@localhost/{name}?host={}", server.socket_dir);
    let mut connection = PgConnection::connect(&url("postgres")).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    url(&name).into()
}

fn start() -> Server {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres.sh");
    let install = output_of(Command::new(script).arg("install"));
    assert!(
        install.status.success(),
        "there is no PostgreSQL to test with: {install:?}"
    );
    let mut running = Command::new(script)
        .arg("run")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let line = in_time("PostgreSQL to start", move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line
    });
    let socket_dir = line.trim().strip_prefix("ready ").map(str::to_owned);
    Server {
        socket_dir: socket_dir.expect("PostgreSQL did not start: see above"),
        _script: running,
    }
}
