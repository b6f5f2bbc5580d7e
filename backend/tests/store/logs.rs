//! The lines of logs.

use iac_backend::store::{Held, StoredLine};
use iac_runner::session::Phase;

use crate::stand::{Database, LONG, now, of, on_both};

on_both!(
    lines_come_back_in_order_and_a_mirror_may_begin_again,
    any_text_is_kept,
);

fn line(line: u64, text: &str) -> StoredLine {
    StoredLine {
        line,
        at: now(),
        phase: Phase::Plan,
        text: text.to_owned(),
    }
}

async fn lines_come_back_in_order_and_a_mirror_may_begin_again(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let all: Vec<_> = (0..2500).map(|n| line(n, &format!("line {n}"))).collect();
    assert_eq!(store.next_line(new.id).await.unwrap(), 0);
    for piece in [&all[..600], &all[300..], &all[..1]] {
        let held = store.add_lines(&claim.lease, piece).await.unwrap();
        assert_eq!(held, Held::Yes);
    }
    assert_eq!(store.next_line(new.id).await.unwrap(), 2500);
    assert_eq!(store.lines(new.id, 0, 5000).await.unwrap(), all);
    assert_eq!(store.lines(new.id, 2498, 100).await.unwrap(), all[2498..]);
    assert_eq!(store.lines(new.id, 10, 2).await.unwrap(), all[10..12]);
    assert_eq!(store.lines(of("b").id, 0, 10).await.unwrap(), []);
}

async fn any_text_is_kept(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let long = "x".repeat(64 * 1024);
    let texts = [
        "",
        "'; DROP TABLE audit; --",
        "\u{1b}[31mré\u{1f511}\t\r",
        &long,
    ];
    let all: Vec<_> = (0..).zip(texts).map(|(n, text)| line(n, text)).collect();
    let held = store.add_lines(&claim.lease, &all).await.unwrap();
    assert_eq!(held, Held::Yes);
    assert_eq!(store.lines(new.id, 0, 10).await.unwrap(), all);
    let nul = [line(4, "a\0b")];
    let held = store.add_lines(&claim.lease, &nul).await.unwrap();
    assert_eq!(held, Held::Yes);
    let kept = store.lines(new.id, 4, 1).await.unwrap();
    assert!(kept[0].text.starts_with('a') && kept[0].text.ends_with('b'));
}
