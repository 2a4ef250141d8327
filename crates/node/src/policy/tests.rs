use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use ringback_call::{Action, EndReason, Input, State};

use super::*;
use crate::stage::Stage;

const SETTINGS: Settings = Settings {
    timeout: Duration::from_secs(2),
    concurrency: 2,
    pause: Duration::from_secs(3_600),
    on_failure: OnFailure::Deny,
};

type Answers = Box<dyn Fn(usize) -> Option<Result<Verdict, Unanswered>> + Send + Sync>;

/// Answers the nth question, or never.
struct Script {
    answers: Answers,
    asked: Mutex<Vec<Call>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Script {
    fn new(
        answers: impl Fn(usize) -> Option<Result<Verdict, Unanswered>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { answers: Box::new(answers), asked: Mutex::default(), now, most })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Policy for Script {
    async fn ask(&self, call: &Call) -> Result<Verdict, Unanswered> {
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(call.clone());
            asked.len()
        };
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let answer = (self.answers)(nth);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

fn yes() -> Option<Result<Verdict, Unanswered>> {
    Some(Ok(Verdict::Allowed(Terms::default())))
}

fn gate(policy: &Arc<Script>, settings: Settings) -> (Arc<Gate>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new().unwrap());
    let policy: Arc<Script> = Arc::clone(policy);
    (Arc::new(Gate::new(policy, settings, Arc::clone(&metrics))), metrics)
}

async fn call() -> (Stage, Call) {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let id = stage.place(&alice, &bob).await;
    let call = stage.stored(&id).await.call().clone();
    (stage, call)
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_says_nothing_denies_or_allows_as_the_operator_chose() {
    let (_stage, call) = call().await;
    let unreachable = || Unanswered { cause: Judged::Unreachable, why: "no way".to_owned() };
    let policy = Script::new(move |nth| (nth % 2 == 1).then(|| Err(unreachable())));
    let denied = Verdict::Denied(Some(Detail::policy_unavailable()));
    let allowed = Verdict::Allowed(Terms::default());
    for (on_failure, becomes) in [(OnFailure::Deny, denied), (OnFailure::Allow, allowed)] {
        let (gate, metrics) = gate(&policy, Settings { on_failure, ..SETTINGS });
        let begun = tokio::time::Instant::now();
        assert_eq!(gate.judge(&call).await, becomes);
        assert!(begun.elapsed() < SETTINGS.timeout, "it said so");
        assert_eq!(gate.judge(&call).await, becomes);
        assert!(begun.elapsed() >= SETTINGS.timeout, "it was waited for");
        let count = |judged| metrics.policy_answers.get((judged,));
        assert_eq!((count(Judged::Unreachable), count(Judged::TimedOut)), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_are_asked_at_once_than_may_be_and_those_that_wait_too_long_have_no_answer() {
    let (_stage, call) = call().await;
    let policy = Script::new(|_| yes());
    let (gate, metrics) = gate(&policy, SETTINGS);
    let all = (0..100).map(|_| gate.judge(&call));
    let verdicts = futures::future::join_all(all).await;
    assert_eq!(policy.most.load(Ordering::Relaxed), 2);
    // Two in each tenth of a second of two seconds.
    let allowed = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Allowed(_))).count() as u64;
    assert!((38..=42).contains(&allowed), "{allowed}");
    assert_eq!(metrics.policy_answers.get((Judged::Allowed,)), allowed);
    assert_eq!(metrics.policy_answers.get((Judged::TimedOut,)), 100 - allowed);
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_says_becomes_of_the_call() {
    let terms = Terms { ringing_ms: Some(7_000), duration_ms: Some(60_000) };
    let no = Detail::new("blocked").unwrap();
    let refusal = no.clone();
    let policy = Script::new(move |nth| {
        Some(Ok(match nth {
            1 => Verdict::Allowed(terms),
            _ => Verdict::Denied(Some(refusal.clone())),
        }))
    });
    let stage = Stage::new();
    stage.node.ask_policy(policy.clone(), SETTINGS);
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let (carol, _c) = stage.device("carol", 1);
    let ended = async |call| {
        loop {
            if let State::Ended(outcome) = &stage.stored(&call).await.call().state {
                return (outcome.reason, outcome.detail.clone(), stage.stored(&call).await.call().terms);
            }
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Nobody has a route on this stage.
    let first = stage.place(&alice, &bob).await;
    assert_eq!(ended(first).await, (EndReason::Offline, None, terms));
    let second = stage.place(&carol, &bob).await;
    assert_eq!(ended(second).await, (EndReason::Denied, Some(no), Terms::default()));
    assert_eq!(policy.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_over_is_not_asked_about_and_a_late_answer_changes_nothing() {
    let policy = Script::new(|_| yes());
    let stage = Stage::new();
    stage.node.ask_policy(policy.clone(), SETTINGS);
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.place(&alice, &bob).await;
    while policy.asked() == 0 {
        tokio::task::yield_now().await;
    }
    stage.ask(&call, &alice, 2, Action::End(Default::default())).await;
    let before = stage.stored(&call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = stage.stored(&call).await;
    assert_eq!(
        (before.version, after.call().outcome().unwrap().reason),
        (after.version, EndReason::Cancelled)
    );
    // Whatever begins it anew.
    stage.node.calls.place(&call, &bob.user).await.unwrap();
    assert_eq!(policy.asked(), 1);
    stage.apply(&call, Input::Terminate).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_does_not_answer_is_spared_for_a_while() {
    let (_stage, call) = call().await;
    let invalid = || Unanswered { cause: Judged::Invalid, why: "status 500".to_owned() };
    let policy = Script::new(move |_| Some(Err(invalid())));
    let (gate, metrics) = gate(&policy, SETTINGS);
    for _ in 0..50 {
        gate.judge(&call).await;
    }
    assert!(policy.asked() <= 25, "{}", policy.asked());
    assert_eq!(metrics.policy_answers.get((Judged::Spared,)), 50 - policy.asked() as u64);
}
