//! Who is watched by the load tool, and who watches it.

use std::{collections::BTreeMap, process::Stdio};

use crate::parts::{Cluster, eventually, free_port, get, report};

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
        "two tasks",
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
    let last = |what: &str| {
        let track = tracks.iter().find(|track| track["of"] == "two" && track["what"] == what).unwrap();
        track["points"].as_array().unwrap().last().unwrap()[1].as_f64().unwrap()
    };
    // Each connection has a task, and the gateway some of its own.
    assert!(last("tasks") > last("connections"), "{} and {}", last("tasks"), last("connections"));
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
