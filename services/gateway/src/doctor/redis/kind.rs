//! What kind of Redis it is, and what those say who know it as a whole.

use std::fmt::Write as _;

use ringback_store_redis::diagnosis::{Asked, ClusterView, SentinelView, Topology};

use super::unanswered;
use crate::doctor::Finding;

/// The slots of a Cluster.
const SLOTS: usize = 16_384;
/// The Sentinels that there should be: of two, neither is a majority without the other.
const SENTINELS: usize = 3;
/// How long a primary may be gone before anybody acts: see docs/redis.md.
pub(super) const TOO_LONG_MS: u64 = 10_000;

pub(super) fn judge(topology: &Topology) -> Vec<Finding> {
    match topology {
        Topology::Standalone => vec![Finding::note("redis", "store.url names one server")],
        Topology::Sentinel(views) => {
            each(views, "sentinel", sentinel).into_iter().chain(agreement(views)).collect()
        }
        Topology::Cluster(views) => each(views, "cluster, seen by", cluster),
    }
}

/// Those who answer one by one. A part of them may be away without harm.
fn each<T>(views: &[Asked<T>], who: &str, judge: impl Fn(&str, &T) -> Vec<Finding>) -> Vec<Finding> {
    let any = views.iter().any(|view| view.answer.is_ok());
    let judged = views.iter().flat_map(|view| {
        let subject = format!("{who} {}", view.address);
        match &view.answer {
            Ok(answer) => judge(&subject, answer),
            Err(trouble) if any => vec![Finding::warning(subject, trouble.to_string())],
            Err(trouble) => vec![unanswered(&subject, trouble)],
        }
    });
    judged.collect()
}

fn sentinel(subject: &str, view: &SentinelView) -> Vec<Finding> {
    let Some(primary) = &view.primary else {
        let hint = "see sentinelServiceName in store.url, and `sentinel monitor` in its configuration";
        return vec![Finding::failure(subject, "knows no service of that name").hint(hint)];
    };
    let mut findings = vec![match view.lost {
        true => Finding::failure(subject, format!("has the primary {primary} for lost")),
        false => {
            let others = format!("{} other Sentinels, quorum {}", view.others, view.quorum);
            Finding::ok(
                subject,
                format!("primary {primary}, {} replicas that are up, {others}", view.replicas),
            )
        }
    }];
    if view.replicas == 0 {
        let text = "no replica could take over";
        findings.push(Finding::warning(subject, text).hint("give the primary a replica, or better two"));
    }
    if view.others + 1 < SENTINELS {
        let text = format!("{} Sentinels in all", view.others + 1);
        let hint = "three are needed for a majority without one of them";
        findings.push(Finding::warning(subject, text).hint(hint));
    }
    if view.down_after_ms > TOO_LONG_MS {
        let text = format!("a primary is missed after {} ms", view.down_after_ms);
        findings.push(Finding::warning(subject, text).hint("down-after-milliseconds 3000 to 5000"));
    }
    findings
}

fn agreement(views: &[Asked<SentinelView>]) -> Option<Finding> {
    let mut named: Vec<&str> =
        views.iter().filter_map(|view| view.answer.as_ref().ok()?.primary.as_deref()).collect();
    named.sort_unstable();
    named.dedup();
    (named.len() > 1)
        .then(|| Finding::failure("sentinels", format!("name several primaries: {}", named.join(", "))))
}

fn cluster(subject: &str, view: &ClusterView) -> Vec<Finding> {
    let mut shares = String::new();
    for (primary, partitions) in &view.partitions {
        let _ = write!(shares, "{}{primary} {partitions}", if shares.is_empty() { "" } else { ", " });
    }
    let mut findings = Vec::new();
    if view.is_ok && view.served_slots == SLOTS {
        let (primaries, nodes) = (view.partitions.len(), view.nodes);
        let text = format!("in order; {primaries} primaries of {nodes} nodes; partitions: {shares}");
        findings.push(Finding::ok(subject, text));
    } else {
        let state = if view.is_ok { "ok" } else { "fail" };
        let (served, orphans) = (view.served_slots, view.orphans);
        let text =
            format!("state {state}; {served} of {SLOTS} slots are served; {orphans} partitions are nobody's");
        findings.push(Finding::failure(subject, text).hint("see `redis-cli --cluster check`"));
    }
    if let Some((primary, _)) = view.partitions.iter().find(|(_, partitions)| **partitions == 0) {
        let text = format!("{primary} has none of the partitions");
        findings.push(
            Finding::warning(subject, text).hint("see store.partitions in docs/redis.md, or move slots"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use ringback_store_redis::diagnosis::Trouble;

    use super::*;
    use crate::doctor::Level;

    fn worst(findings: &[Finding]) -> Option<Level> {
        findings.iter().map(|finding| finding.level).max()
    }

    fn asked<T>(answer: Result<T, Trouble>) -> Asked<T> {
        Asked { address: "10.0.0.1:1".to_owned(), answer }
    }

    fn sentinel(primary: &str, replicas: usize) -> SentinelView {
        SentinelView {
            primary: Some(primary.to_owned()),
            replicas,
            others: 2,
            quorum: 2,
            down_after_ms: 5_000,
            lost: false,
        }
    }

    #[test]
    fn one_of_some_may_be_away() {
        let good = || asked(Ok(sentinel("10.0.0.2:1", 2)));
        let away = || asked(Err(Trouble::Silent));
        assert_eq!(worst(&judge(&Topology::Sentinel(vec![good(), good()]))), Some(Level::Ok));
        assert_eq!(worst(&judge(&Topology::Sentinel(vec![good(), away()]))), Some(Level::Warning));
        assert_eq!(worst(&judge(&Topology::Sentinel(vec![away(), away()]))), Some(Level::Failure));
    }

    #[test]
    fn sentinels_have_to_agree_and_to_have_somebody_to_take_over() {
        let two = vec![asked(Ok(sentinel("10.0.0.2:1", 2))), asked(Ok(sentinel("10.0.0.3:1", 2)))];
        assert_eq!(worst(&judge(&Topology::Sentinel(two))), Some(Level::Failure));
        let alone = vec![asked(Ok(sentinel("10.0.0.2:1", 0)))];
        assert_eq!(worst(&judge(&Topology::Sentinel(alone))), Some(Level::Warning));
        let unknown = SentinelView { primary: None, ..sentinel("", 0) };
        assert_eq!(worst(&judge(&Topology::Sentinel(vec![asked(Ok(unknown))]))), Some(Level::Failure));
    }

    #[test]
    fn a_cluster_has_to_serve_every_slot() {
        let view = |is_ok, served_slots, last| ClusterView {
            is_ok,
            served_slots,
            nodes: 3,
            partitions: [("10.0.0.1:1", 64 - last), ("10.0.0.2:1", last)]
                .map(|(a, n)| (a.to_owned(), n))
                .into(),
            orphans: 0,
        };
        let of = |view| worst(&judge(&Topology::Cluster(vec![asked(Ok(view))])));
        assert_eq!(of(view(true, SLOTS, 30)), Some(Level::Ok));
        assert_eq!(of(view(true, SLOTS, 0)), Some(Level::Warning));
        assert_eq!(of(view(true, SLOTS - 1, 30)), Some(Level::Failure));
        assert_eq!(of(view(false, SLOTS, 30)), Some(Level::Failure));
    }
}
