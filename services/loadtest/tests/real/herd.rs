//! Many connections that are cut at once, and calls that go on meanwhile.

use crate::parts::{Cluster, report};

#[test]
fn calls_of_others_go_on_while_a_herd_comes_back() {
    let cluster = Cluster::gateways();
    let (json, html) = (cluster.folder.path().join("report.json"), cluster.folder.path().join("report.html"));
    let scenario = r#"
        name = "herd"
        users = { calling = 60, idle = 100 }
        call = { hold = "200ms" }
        phase = [
          { name = "ramp", for = "500ms", calls_per_s = 4, warm_up = true },
          { name = "before", for = "2050ms", calls_per_s = 10, arrivals = "constant" },
          { name = "herd", for = "60s", calls_per_s = 10, arrivals = "constant", herd = "idle" },
          { name = "after", for = "1050ms", calls_per_s = 10, arrivals = "constant" },
        ]
        thresholds = { reconnect_max = "30s", unproved = 0, dropped = 0 }
    "#;
    let output = cluster.command(scenario, &json).arg("--html").arg(&html).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let found = report(&json);
    // The herd, and nobody who calls.
    for count in ["cuts", "resumed"] {
        assert_eq!(found["found"]["counts"][count], 100, "{count}: {said}");
    }
    assert_eq!(found["times_ms"]["reconnect"]["count"], 100, "{said}");
    let phases = found["phases"].as_array().unwrap();
    let names: Vec<_> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    // What comes back within a tenth of a second leaves no time for a call to begin.
    assert!(
        names == ["before", "herd: cut", "herd: back", "after"] || names == ["before", "herd: cut", "after"],
        "{names:?}"
    );
    for phase in phases {
        assert_eq!(phase["failed"], 0, "{said}");
        assert!(phase["setup_p99"].as_f64().unwrap() > 0.0, "{said}");
        let ratio = phase["setup_p99"].as_f64().unwrap() / phases[0]["setup_p99"].as_f64().unwrap();
        assert!((phase["p99_to_first"].as_f64().unwrap() - ratio).abs() < 1e-9, "{phase}");
    }
    assert_eq!(phases[0]["calls"], 20, "{said}");
    // They are away for two seconds, in which calls begin as before.
    let away = &phases[1];
    assert!((15..=25).contains(&away["calls"].as_u64().unwrap()), "{away}");
    assert_eq!(phases.last().unwrap()["calls"], 10, "{said}");
    // A herd's phase is over when all are back.
    let took: f64 = phases.iter().map(|phase| phase["seconds"].as_f64().unwrap()).sum();
    assert!(took < 40.0, "{said}");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(said.contains("Set-up by phase") && page.contains("Set-up by phase"), "{said}");
}
