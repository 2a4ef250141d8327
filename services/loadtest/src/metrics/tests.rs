//! What is exposed is what the dashboard draws.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::*;

/// Every expression of the dashboard.
fn drawn() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana/dashboards/loadtest.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The words in a text that begin so.
fn words<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '=' || c == '"' || c == '.';
    text.split(|c| !part(c)).filter(|word| word.starts_with(start)).collect()
}

#[test]
fn the_dashboard_draws_what_there_is() {
    let measures = Measures::new();
    for label in Label::ALL {
        measures.label(label, "some");
    }
    let exposed = measures.look(text);
    let samples: String =
        exposed.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let drawn = drawn();
    assert!(drawn.len() > 30, "{} expressions", drawn.len());
    for kind in ["ringback_loadtest_", "of=", "quantile="] {
        let (asked, there): (BTreeSet<_>, _) =
            (drawn.iter().flat_map(|expr| words(expr, kind)).collect(), words(&samples, kind));
        assert!(!asked.is_empty(), "{kind}");
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "not exposed: {missing:?}");
    }
}

#[test]
fn a_sample_has_the_type_of_its_metric() {
    let exposed = Measures::new().look(text);
    let typed: BTreeSet<_> =
        exposed.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for line in exposed.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let of = [name, name.trim_end_matches("_sum"), name.trim_end_matches("_count")];
        assert!(of.iter().any(|name| typed.contains(name)), "{line}");
    }
}
