//! The log of a session, for one reader and for a thousand.

use iac_runner::session::{Phase, Reason};

use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, within_a_test};

/// Lines that the tool in [`chatty`] prints before it plans.
const CHATTER: usize = 2000;

/// Returns an environment whose tool prints many lines before it plans, and waits until it is released.
fn chatty() -> (TestEnv, Gate) {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    gate.write_program(
        &test_env,
        &format!(
            "if [ \"$1\" = plan ]; then i=0; while [ $i -lt {CHATTER} ]; do echo \"chatter $i\"; \
             i=$((i+1)); done; fi"
        ),
    );
    gate.hold("plan");
    (test_env, gate)
}

#[test]
fn a_thousand_subscribers_each_see_every_line_in_order_from_where_they_began() {
    let (test_env, gate) = chatty();
    block_on(async {
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("plan");
        let readers: Vec<_> = (0..1000_u64)
            .map(|n| {
                let mut logs = session.logs(n % 3);
                tokio::spawn(async move {
                    let mut texts = Vec::new();
                    let mut next = n % 3;
                    while let Some(line) = logs.next_line().await {
                        assert_eq!(line.offset, next, "no gap and no repeat");
                        next += 1;
                        texts.push(line.text);
                    }
                    texts
                })
            })
            .collect();
        // A reader that reads nothing until the end delays no one.
        let mut sleeper = session.logs(0);
        gate.let_go("plan");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied));
        let mut whole = Vec::new();
        while let Some(line) = sleeper.next_line().await {
            whole.push(line.text);
        }
        let chatter = whole.iter().filter(|line| line.starts_with("chatter "));
        assert_eq!(chatter.count(), CHATTER);
        for (n, reader) in readers.into_iter().enumerate() {
            let texts = within_a_test(reader).await.expect("it reads to the end");
            assert_eq!(texts, whole[n % 3..], "reader {n}");
        }
    });
}

#[test]
fn the_log_of_a_phase_is_had_by_itself_and_its_end_when_it_is_long() {
    let (test_env, gate) = chatty();
    gate.let_go("plan");
    block_on(async {
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        end(&session).await;
        let init = session.log_text(Phase::Init, 1 << 20);
        assert!(init.contains("Initializing") && !init.contains("chatter"));
        let plan = session.log_text(Phase::Plan, 1 << 20);
        assert!(plan.starts_with("chatter 0\n") && plan.contains("will be created"));
        let tail = session.log_text(Phase::Plan, 1000);
        assert!(tail.len() <= 1000 && plan.ends_with(&tail) && !tail.is_empty());
    });
}
