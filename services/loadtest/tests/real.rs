//! The load tool against real gateways and real Redis servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "real/parts.rs"]
mod parts;

use std::{collections::BTreeMap, process::Stdio};

use parts::{Cluster, count, eventually, free_port, gateway, get, report, tool};

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
          { name = "herd", for = "8s", herd = true },
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

#[test]
fn prometheus_can_look_at_a_worker() {
    let cluster = Cluster::gateways();
    let port = free_port();
    let scenario = "name = \"watched\"\nusers.calling = 4\ncall.hold = \"0s\"\nphase = [{ name = \"calls\", for = \"60s\", calls_per_s = 5 }]";
    let json = cluster.folder.path().join("report.json");
    let mut run = cluster.command(scenario, &json);
    run.args(["--metrics-listen", &format!("127.0.0.1:{port}")]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let scrape = eventually("a call on /metrics", || {
        let text = get(port, "/metrics")?;
        text.contains("ringback_loadtest_outcomes_total{name=\"answered\"}").then_some(text)
    });
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(scrape.contains("ringback_loadtest_connections 4\n"), "{scrape}");
    let p99 = scrape.split("ringback_loadtest_seconds{of=\"setup\",quantile=\"0.99\"} ").nth(1).unwrap();
    let seconds: f64 = p99.lines().next().unwrap().parse().unwrap();
    assert!((1e-4..10.0).contains(&seconds), "{seconds}");
}

/// A comparison that takes some seconds.
const QUICKLY: &str =
    "--turns 1 --calls 20 --at-once 4 --seconds 1 --users 200 --calls-per-s 10 --idle-seconds 1";

#[test]
fn gateways_are_compared_with_the_floor() {
    let folder = tempfile::TempDir::new().unwrap();
    let json = folder.path().join("compared.json");
    let mut command = tool();
    command.arg("compare").arg("--gateway-binary").arg(gateway()).arg("--json").arg(&json);
    command.args(QUICKLY.split(' '));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let figures = report(&json);
    let names: Vec<_> =
        figures.as_array().unwrap().iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 12, "{said}");
    let figure =
        |name: &str| figures.as_array().unwrap().iter().find(|figure| figure["name"] == name).unwrap();
    for name in names.into_iter().filter(|name| !name.starts_with("scripts") && !name.starts_with("idle")) {
        let figure = figure(name);
        assert!(
            figure["ringback"].as_f64().unwrap() > 0.0 && figure["floor"].as_f64().unwrap() > 0.0,
            "{figure}"
        );
    }
    // A message of the floor is one PUBLISH, and a call 23 of them. Ringback's commits are scripts.
    let floor = figure("commands of a call")["floor"].as_f64().unwrap();
    assert!((22.0..24.0).contains(&floor), "{floor}");
    assert_eq!(figure("scripts of a call")["floor"], 0.0);
    assert!(figure("scripts of a call")["ringback"].as_f64().unwrap() > 5.0, "{said}");
    // Gateways have heartbeats.
    assert!(figure("idle: commands")["ringback"].as_f64().unwrap() > 5.0, "{said}");
}

#[test]
fn what_servers_hold_is_watched_and_judged() {
    let cluster = Cluster::gateways();
    let [redis, one, two] = cluster.pids()[..] else { panic!("three processes") };
    let (json, html) = (cluster.folder.path().join("report.json"), cluster.folder.path().join("report.html"));
    // Ended calls are kept for ten minutes, so keys become more in the few seconds of this one.
    let scenario = r#"
        name = "watched"
        users = { calling = 40 }
        call = { hold = "0s" }
        phase = [
          { name = "ramp", for = "1s", calls_per_s = 1, warm_up = true },
          { name = "calls", for = "8s", calls_per_s = 10 },
        ]
        thresholds = { memory_growth_percent = 1000, fd_growth = 1000, keys_growth_percent = 1, calls_growth = 100 }
    "#;
    let mut run = cluster.command(scenario, &json);
    run.arg("--html").arg(&html).args([
        "--server",
        &format!("redis={redis}"),
        "--server",
        &format!("one={one}"),
    ]);
    run.args(["--redis-watch", &format!("store=redis://127.0.0.1:{}", cluster.redis)]);
    // Of one that is watched both ways its memory is there once.
    run.args(["--server", &format!("two={two}")]);
    run.args(["--metrics", &format!("two=http://127.0.0.1:{}/metrics", cluster.admins[1])]);
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let found = report(&json);
    let judged: BTreeMap<_, _> = found["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|judged| (judged["name"].as_str().unwrap(), judged))
        .collect();
    for kept in ["memory_growth_percent", "fd_growth", "calls_growth"] {
        assert_eq!(judged[kept]["passed"], true, "{said}");
    }
    assert_eq!(judged["keys_growth_percent"]["passed"], false, "{said}");
    assert!(said.contains("FAILED keys_growth_percent") && said.contains("(store)"), "{said}");
    let tracks: Vec<_> = found["watched"].as_array().unwrap().iter().collect();
    let names: Vec<String> =
        tracks.iter().map(|track| format!("{} {}", track["of"], track["what"]).replace('"', "")).collect();
    for name in [
        "redis memory",
        "one fd",
        "one threads",
        "store keys",
        "store used_memory",
        "two memory",
        "two connections",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    for track in &tracks {
        assert!(track["points"].as_array().unwrap().len() >= 5, "{track}");
    }
    let points = |of: &str| {
        let track = tracks.iter().find(|track| track["of"] == of && track["what"] == "memory").unwrap();
        track["points"].as_array().unwrap().len()
    };
    assert!(points("two").abs_diff(points("one")) <= 1, "{} and {}", points("two"), points("one"));
    let keys = tracks.iter().find(|track| track["what"] == "keys").unwrap();
    assert!(keys["growth"]["by"].as_f64().unwrap() > 10.0, "{keys}");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(
        page.contains("Keys in Redis") && page.contains("— one</span>") && !page.contains("NaN"),
        "{page}"
    );
}

#[test]
fn who_can_not_be_watched_is_named_before_the_run() {
    let cluster = Cluster::floors();
    let json = cluster.folder.path().join("report.json");
    let scenario =
        "name = \"x\"\nprotocol = \"floor\"\nusers.idle = 2\nphase = [{ name = \"x\", for = \"60s\" }]";
    let nobody = free_port();
    let mut run = cluster.command(scenario, &json);
    let output = run.args(["--metrics", &format!("one=http://127.0.0.1:{nobody}/metrics")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--metrics") && said.contains(&nobody.to_string()), "{said}");
}

#[test]
fn gateways_that_run_already_are_compared_and_stay() {
    let cluster = Cluster::gateways();
    let json = cluster.folder.path().join("compared.json");
    let [redis, one, two] = cluster.pids()[..] else { panic!("three processes") };
    let mut command = tool();
    command.arg("compare").args(QUICKLY.split(' ')).arg("--json").arg(&json).args(cluster.flags());
    command.args(["--server", &format!("one={one}"), "--server", &format!("two={two}")]);
    command.args(["--redis-server", &format!("redis={redis}")]);
    command.args(["--redis", &format!("redis://127.0.0.1:{}", cluster.redis)]);
    // What is not there can't have been started.
    command.args(["--gateway-binary", "none"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for figure in report(&json).as_array().unwrap().iter().take(9) {
        assert!(figure["ringback"].as_f64().unwrap() > 0.0, "{figure}");
    }
    let run = cluster.run(
        "name = \"after\"\nusers.calling = 2\ncall.hold = \"0s\"\nphase = [{ name = \"x\", at_once = 1, calls = 1 }]",
    );
    assert_eq!(run.passed().count("calls"), 1);
}

#[test]
fn clusters_of_several_sizes_are_compared() {
    let folder = tempfile::TempDir::new().unwrap();
    let json = folder.path().join("scale.json");
    let mut command = tool();
    command.arg("scale").arg("--gateway-binary").arg(gateway()).arg("--json").arg(&json);
    let flags = "--gateways 1,2 --primaries 3 --turns 1 --calls 60 --at-once 4 --idle-seconds 1 --users 100";
    let output = command.args(flags.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let rows = report(&json);
    let sizes: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (&row["gateways"], &row["primaries"])).collect();
    assert_eq!(
        format!("{sizes:?}"),
        "[(Number(1), Null), (Number(2), Null), (Number(2), Number(3))]",
        "{said}"
    );
    for row in rows.as_array().unwrap() {
        for figure in row["figures"].as_array().unwrap() {
            let (name, median) = (figure["name"].as_str().unwrap(), figure["median"].as_f64().unwrap());
            // On a machine that is busy, what so few calls took may be less than its idle CPU goes up and down.
            assert!(name.starts_with("CPU") || median > 0.0, "{figure} of {}", row["gateways"]);
            assert!(figure["ratio"]["median"].is_number(), "{figure}");
        }
    }
    // The first is what others are compared with.
    assert_eq!(rows[0]["figures"][0]["ratio"]["greatest"], 1.0);
}
