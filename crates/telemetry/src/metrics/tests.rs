use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use super::*;

/// The page that operators read.
fn page() -> String {
    let mut page = "# Metrics\n\nMade from the list in `crates/telemetry/src/metrics.rs` by its tests (`UPDATE_DOCS=1 cargo test -p ringback-telemetry`).\n`GET /metrics` on the admin port. All labels and their values are there from the start.\n\n| metric | kind | labels | what it tells |\n| --- | --- | --- | --- |\n".to_owned();
    for Declared { name, kind, labels, help, .. } in Metrics::declared() {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    page.push_str("\n## Labels\n\n| label | of | values |\n| --- | --- | --- |\n");
    let mut seen = BTreeSet::new();
    for Declared { name, labels, values, .. } in Metrics::declared() {
        for (place, label) in labels.iter().enumerate() {
            let mut of: Vec<&str> = Vec::new();
            for value in values.iter().map(|values| values[place]) {
                if !of.contains(&value) {
                    of.push(value);
                }
            }
            let of = of.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" ");
            if seen.insert((*label, of.clone())) {
                writeln!(page, "| `{label}` | `{name}` | {of} |").unwrap();
            }
        }
    }
    page.push_str("\nBeside these the process collector's `process_*`: CPU, resident memory, open files, threads, start time.\n");
    page
}

#[test]
fn the_page_in_docs_is_the_list() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/metrics.md is out of date: UPDATE_DOCS=1 cargo test -p ringback-telemetry"
    );
}

#[test]
fn each_metric_is_shown_before_anything_has_happened() {
    let text = String::from_utf8(Metrics::new().unwrap().encode().unwrap()).unwrap();
    for Declared { name, kind, labels, values, .. } in Metrics::declared() {
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
        for values in values {
            let pairs = labels.iter().zip(&values).map(|(label, value)| format!("{label}=\"{value}\""));
            let mut pairs: Vec<String> = pairs.collect();
            pairs.sort_unstable();
            let all = pairs.join(",");
            assert!(all.is_empty() || text.contains(&all), "{name}{{{all}}}");
        }
    }
    assert!(text.contains("process_resident_memory_bytes"));
}

#[test]
fn where_nothing_is_counted_gauges_are_shown_alone() {
    let metrics = Metrics::gauges().unwrap();
    metrics.call_attempts.inc(());
    metrics.hello.start().stop(());
    let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
    for Declared { name, kind, .. } in Metrics::declared() {
        assert_eq!(text.contains(&format!("# TYPE {name} ")), kind == "gauge", "{name}");
    }
}

#[test]
fn names_follow_the_conventions() {
    for Declared { name, kind, help, .. } in Metrics::declared() {
        assert!(name.starts_with("ringback_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}: in base units");
        assert!(help.ends_with('.') && !help.contains('|'), "{name}: {help}");
    }
}
