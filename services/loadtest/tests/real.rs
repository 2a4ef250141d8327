//! The load tool against real gateways and real Redis servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "real/comparisons.rs"]
mod comparisons;
#[path = "real/herd.rs"]
mod herd;
#[path = "real/parts.rs"]
mod parts;
#[path = "real/watched.rs"]
mod watched;

use std::{collections::BTreeMap, process::Stdio};

use parts::{Cluster, count, eventually, report, tool};

/// Four calls of each kind.
const ALL_KINDS: &str = r#"
name = "all kinds"
protocol = "mixed"
users = { calling = 60 }
mix = { answered = 1, rejected = 1, missed = 1, cancelled = 1, busy = 1, glare = 1 }
call = { ring = "20ms", hold = "100ms", cancel_after = "50ms" }
phase = [{ name = "calls", for = "2050ms", calls_per_s = 12, arrivals = "constant" }]
"#;

#[test]
fn calls_of_every_kind_go_as_they_should() {
    let cluster = Cluster::gateways();
    let html = cluster.folder.path().join("report.html");
    let json = cluster.folder.path().join("report.json");
    let output = cluster.command(ALL_KINDS, &json).arg("--html").arg(&html).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let found = report(&json);
    let outcomes: BTreeMap<String, u64> =
        serde_json::from_value(found["found"]["labels"]["outcomes"].clone()).unwrap();
    let kinds = ["answered", "busy", "cancelled", "glare", "missed", "rejected"];
    assert_eq!(outcomes, kinds.map(|kind| (kind.to_owned(), 4)).into());
    for nothing in
        ["failed", "lost", "doubled", "out_of_order", "altered", "after_end", "unanswered", "starved"]
    {
        assert_eq!(count(&found, nothing), 0, "{nothing}: {said}");
    }
    // Answered and glare; the host calls of busy ones are in no set-up time.
    assert_eq!(found["times_ms"]["setup"]["count"], 8);
    // Three kinds of calls with media, 16 candidates each.
    assert_eq!(found["times_ms"]["delivery_ice"]["count"], 3 * 4 * 16);
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.matches("<svg").count() >= 4 && !page.contains("NaN"), "{page}");
}

#[test]
fn nothing_is_lost_when_connections_are_cut_and_come_back() {
    let cluster = Cluster::gateways();
    let run = cluster.run(
        r#"
        name = "churn"
        protocol = "mixed"
        users = { calling = 40, idle = 10 }
        call = { hold = "300ms" }
        churn = { per_s = 25, away = { min = "0ms", max = "300ms" } }
        phase = [
          { name = "churn", for = "3s", calls_per_s = 8 },
          # Who rings when all are cut is not answered in time: here a call rings for a second, and they are away for two.
          { name = "calm", for = "200ms" },
          { name = "herd", for = "8s", herd = "all" },
        ]
        "#,
    );
    let run = run.passed();
    assert!(run.count("resumed") >= 50, "{}", run.said);
    assert_eq!((run.count("unproved"), run.count("gone")), (0, 0), "{}", run.said);
    assert!(run.report["times_ms"]["reconnect"]["count"].as_u64().unwrap() >= 50);
}

#[test]
fn workers_start_together_and_their_figures_are_added_up() {
    let cluster = Cluster::gateways();
    let redis = format!("redis://127.0.0.1:{}", cluster.redis);
    let reports = ["one.json", "two.json"].map(|name| cluster.folder.path().join(name));
    let scenario = r#"
        name = "two"
        users = { calling = 160 }
        call = { hold = "50ms" }
        phase = [{ name = "calls", for = "2050ms", calls_per_s = 20, arrivals = "constant" }]
    "#;
    let workers = reports.each_ref().map(|json| {
        let mut command = cluster.command(scenario, json);
        command.args(["--workers", "2", "--redis", &redis, "--run", "together"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    let reports: Vec<_> = reports.iter().filter(|json| json.exists()).map(|json| report(json)).collect();
    let [merged] = &reports[..] else { panic!("{} workers have reported", reports.len()) };
    // Ten a second of each.
    assert_eq!(count(merged, "calls"), 40);
    assert_eq!(merged["times_ms"]["setup"]["count"], 40);
    let begun = merged["found"]["timeline"]["slots"].as_object().unwrap();
    assert_eq!(begun.values().map(|slot| slot["started"].as_u64().unwrap()).sum::<u64>(), 40);
}

/// Gateways go on as anybody, who is not let into what workers write.
#[test]
fn workers_are_to_redis_whom_the_environment_names() {
    let cluster = Cluster::gateways();
    cluster.tell_redis("ACL SETUSER tester on >p@ss:w/rd ~rbload:* +@all");
    cluster.tell_redis("ACL SETUSER default resetkeys ~rb1:*");
    let redis = format!("redis://127.0.0.1:{}", cluster.redis);
    let scenario = "name = \"short\"\nusers.idle = 2\nphase = [{ name = \"rest\", for = \"50ms\" }]";
    let run = |user: &[(&str, &str)]| {
        let workers = ["one.json", "two.json"].map(|json| {
            let mut command = cluster.command(scenario, &cluster.folder.path().join(json));
            command.args(["--workers", "2", "--run", "named"]).env("RINGBACK_LOADTEST_REDIS", &redis);
            command.envs(user.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        });
        workers.map(|worker| {
            let output = worker.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        })
    };
    for (code, said) in run(&[]) {
        assert!(code == Some(1) && said.contains("NOPERM"), "{said}");
    }
    let (user, password) = ("RINGBACK_STORE__USERNAME", "RINGBACK_STORE__PASSWORD");
    for (code, said) in run(&[(user, "tester"), (password, "hidden")]) {
        assert!(code == Some(1) && said.contains("WRONGPASS") && !said.contains("hidden"), "{said}");
    }
    for (code, said) in run(&[(user, "tester"), (password, "p@ss:w/rd")]) {
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn a_worker_too_many_is_refused() {
    let cluster = Cluster::gateways();
    let redis = format!("redis://127.0.0.1:{}", cluster.redis);
    let json = cluster.folder.path().join("report.json");
    let scenario = "name = \"long\"\nusers.idle = 2\nphase = [{ name = \"rest\", for = \"60s\" }]";
    let start = || {
        let mut command = cluster.command(scenario, &json);
        command.args(["--workers", "2", "--redis", &redis, "--run", "full"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Whoever comes third is refused; the two others wait for their phase to be over.
    let mut workers = [start(), start(), start()];
    let refused = eventually("one is refused", || {
        workers.iter_mut().position(|worker| worker.try_wait().unwrap().is_some())
    });
    for (place, mut worker) in workers.into_iter().enumerate() {
        if place != refused {
            worker.kill().unwrap();
        }
        let output = worker.wait_with_output().unwrap();
        if place == refused {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("has its 2 workers"), "{said}");
        }
    }
}

#[test]
fn the_floor_relays() {
    let cluster = Cluster::floors();
    let run = cluster.run(
        r#"
        name = "floor"
        protocol = "floor"
        users = { calling = 16 }
        call = { hold = "0s" }
        phase = [{ name = "calls", at_once = 4, calls = 20 }]
        "#,
    );
    let run = run.passed();
    // A call is 23 messages from one side to the other.
    assert_eq!((run.count("calls"), run.count("delivered")), (20, 20 * 23));
}

#[test]
fn a_threshold_that_is_not_kept_is_named_and_fails_the_run() {
    let cluster = Cluster::gateways();
    // Two users can't have ten calls at once.
    let run = cluster.run(
        r#"
        name = "thresholds"
        users = { calling = 2 }
        call = { hold = "500ms" }
        phase = [{ name = "calls", for = "1s", calls_per_s = 10, arrivals = "constant" }]
        thresholds = { setup_p50 = "1us", starved = 2 }
        "#,
    );
    assert_eq!(run.code, Some(1), "{}", run.said);
    for name in ["FAILED setup_p50", "FAILED starved"] {
        assert!(run.said.contains(name), "{}", run.said);
    }
    assert_eq!(run.report["passed"], false);
    assert!(run.count("starved") > 2);
}

#[test]
fn one_target_is_enough() {
    let cluster = Cluster::gateways().with_targets(1);
    let run = cluster.run(
        r#"
        name = "one"
        users = { calling = 4 }
        mix = { answered = 1, busy = 1 }
        call = { hold = "0s" }
        phase = [{ name = "calls", at_once = 1, calls = 4 }]
        "#,
    );
    assert_eq!(run.passed().count("calls"), 4);
}

#[test]
fn what_makes_no_sense_is_refused_with_2() {
    let cluster = Cluster::floors();
    let wrong =
        cluster.scenario("name = \"wrong\"\nusers.calling = 1\nphase = [{ name = \"x\", at_once = 1 }]");
    for command in ["run", "check"] {
        let output = tool().arg(command).arg(&wrong).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("a call takes two") && said.contains("at_once and calls"), "{said}");
    }
}
