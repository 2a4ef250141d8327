//! Gateways and the floor, and clusters of several sizes.

use crate::parts::{Cluster, gateway, report, tool};

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
    // What is kept is one script of three commands.
    let keeper = |name: &str| figure(name)["keeper"].as_f64().unwrap();
    assert!((22.0..24.0).contains(&keeper("scripts of a call")), "{said}");
    assert!(keeper("commands of a call") >= 4.0 * 22.0, "{said}");
    // Gateways have heartbeats.
    assert!(figure("idle: commands")["ringback"].as_f64().unwrap() > 5.0, "{said}");
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
