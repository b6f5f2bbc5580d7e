//! Log lines.

use iac_backend::store::{LeaseState, StoredLine};
use iac_runner::session::Phase;

use crate::test_env::{Database, LONG, now, of, on_both};

on_both!(
    lines_come_back_in_order_and_a_mirror_may_begin_again,
    any_text_is_kept,
    lines_are_left_out_for_one_that_says_so,
    the_end_of_a_log_is_found_by_phase,
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
    assert_eq!(store.lines(new.id, 0, 10).await.unwrap(), []);
    for piece in [&all[..600], &all[300..], &all[..1]] {
        let held = store.add_lines(&claim.lease, piece).await.unwrap();
        assert_eq!(held, LeaseState::Yes);
    }
    assert_eq!(store.lines(new.id, 0, 5000).await.unwrap(), all);
    assert_eq!(store.lines(new.id, 2498, 100).await.unwrap(), all[2498..]);
    assert_eq!(store.lines(new.id, 10, 2).await.unwrap(), all[10..12]);
    assert_eq!(store.lines(of("b").id, 0, 10).await.unwrap(), []);
}

async fn lines_are_left_out_for_one_that_says_so(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let all: Vec<_> = (0..10).map(|n| line(n, &format!("line {n}"))).collect();
    let held = store.add_lines(&claim.lease, &all).await.unwrap();
    assert_eq!(held, LeaseState::Yes);
    // Once, and once more with more lines.
    for last in [4, 7] {
        let marker = line(2, &format!("up to {last}"));
        let held = store.leave_out_lines(&claim.lease, &marker, last).await;
        assert_eq!(held.unwrap(), LeaseState::Yes);
        let rest = usize::try_from(last).unwrap() + 1;
        let kept = [&all[..2], &[marker], &all[rest..]].concat();
        assert_eq!(store.lines(new.id, 0, 20).await.unwrap(), kept);
        assert_eq!(store.lines(new.id, 3, 20).await.unwrap(), all[rest..]);
    }
    let end = store.end_of_log(new.id, &[Phase::Plan], 1000).await;
    let expected = "line 0\nline 1\nup to 7\nline 8\nline 9\n";
    assert_eq!(end.unwrap(), expected);
    // A lost lease changes nothing.
    let mut lost = claim.lease;
    lost.epoch += 1;
    let held = store.leave_out_lines(&lost, &line(0, ""), 9).await;
    assert_eq!(held.unwrap(), LeaseState::Lost);
    assert_eq!(store.lines(new.id, 0, 20).await.unwrap().len(), 5);
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
    assert_eq!(held, LeaseState::Yes);
    assert_eq!(store.lines(new.id, 0, 10).await.unwrap(), all);
    let nul = [line(4, "a\0b")];
    let held = store.add_lines(&claim.lease, &nul).await.unwrap();
    assert_eq!(held, LeaseState::Yes);
    let kept = store.lines(new.id, 4, 1).await.unwrap();
    assert!(kept[0].text.starts_with('a') && kept[0].text.ends_with('b'));
}

async fn the_end_of_a_log_is_found_by_phase(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    // Phases occur again, as after a recovery.
    let phases = [Phase::Init, Phase::Plan, Phase::Init, Phase::Apply];
    let all: Vec<_> = (0..8000_usize)
        .map(|n| StoredLine {
            phase: phases[n / 2000],
            ..line(n as u64, &format!("{n} {}", "x".repeat(n * 31 % 200)))
        })
        .collect();
    for piece in all.chunks(700) {
        let held = store.add_lines(&claim.lease, piece).await.unwrap();
        assert_eq!(held, LeaseState::Yes);
        // Once more, as by a mirror that starts over.
        let held = store.add_lines(&claim.lease, &piece[..9]).await.unwrap();
        assert_eq!(held, LeaseState::Yes);
    }
    for phase in [Phase::Init, Phase::Plan, Phase::Apply, Phase::Cloning] {
        let lines: Vec<_> = all.iter().filter(|line| line.phase == phase).collect();
        for most in [0, 1, 100, 50_000, 1 << 20] {
            let mut expected: Vec<&str> = Vec::new();
            let mut room: usize = most;
            for line in lines.iter().rev() {
                let Some(left) = room.checked_sub(line.text.len() + 1) else {
                    break;
                };
                room = left;
                expected.push(&line.text);
            }
            let expected: String = expected.iter().rev().flat_map(|it| [*it, "\n"]).collect();
            let end = store.end_of_log(new.id, &[phase], most).await.unwrap();
            assert!(end == expected, "{phase:?} {most}");
        }
    }
    // Phase by phase, the one that ended last is last.
    let both = [Phase::Init, Phase::Plan];
    let whole = store.end_of_log(new.id, &both, 1 << 30).await.unwrap();
    let plan = store.end_of_log(new.id, &both[1..], 1 << 30).await.unwrap();
    let init = store.end_of_log(new.id, &both[..1], 1 << 30).await.unwrap();
    assert!(whole == plan + &init);
}
