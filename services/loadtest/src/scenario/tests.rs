use std::time::Duration;

use super::*;

const GOOD: &str = r#"
name = "good"
[users]
calling = 4
[call]
hold = { min = "1s", max = "3s" }
[[phase]]
name = "steady"
for = "10s"
calls_per_s = 5
[thresholds]
setup_p99 = "100ms"
lost = 0
"#;

fn complaint(change: impl Fn(&str) -> String) -> String {
    format!("{:#}", Scenario::parse(&change(GOOD)).expect_err("it is wrong"))
}

#[test]
fn a_good_one_is_read() {
    let scenario = Scenario::parse(GOOD).unwrap();
    assert_eq!(scenario.call.hold.longest(), Duration::from_secs(3));
    assert_eq!(scenario.phases[0].calls_per_s.ends(), (5.0, 5.0));
}

#[test]
fn an_unknown_name_is_refused_with_its_line() {
    let complaint = complaint(|good| good.replace("calling = 4", "calling = 4\ncaling = 4"));
    assert!(complaint.contains("unknown field `caling`") && complaint.contains("line 5"), "{complaint}");
}

#[test]
fn all_that_makes_no_sense_is_said_at_once() {
    let complaint = complaint(|good| good.replace("calling = 4", "calling = 1").replace("for = \"10s\"", ""));
    assert!(
        complaint.contains("a call takes two") && complaint.contains("phase 1 (steady): for"),
        "{complaint}"
    );
}

#[test]
fn a_duration_needs_its_unit() {
    let complaint = complaint(|good| good.replace("\"10s\"", "\"10\""));
    assert!(complaint.contains("\"10\" is no duration"), "{complaint}");
}

#[test]
fn a_threshold_speaks_of_something() {
    let complaint = complaint(|good| good.replace("setup_p99", "set_up_p99"));
    assert!(complaint.contains("thresholds.set_up_p99: no such figure"), "{complaint}");
    let complaint = self::complaint(|good| good.replace("lost = 0", "lost = \"1s\""));
    assert!(complaint.contains("thresholds.lost: a number is wanted"), "{complaint}");
}

#[test]
fn an_open_loop_is_no_closed_one() {
    let complaint = complaint(|good| good.replace("calls_per_s = 5", "calls_per_s = 5\nat_once = 3"));
    assert!(complaint.contains("choose"), "{complaint}");
}

#[test]
fn a_herd_of_idle_users_takes_some() {
    let herd = |good: &str| good.replace("calls_per_s = 5", "calls_per_s = 5\nherd = \"idle\"");
    assert!(complaint(herd).contains("a herd of idle users"), "{}", complaint(herd));
    Scenario::parse(&herd(GOOD).replace("calling = 4", "calling = 4\nidle = 1")).unwrap();
}

#[test]
fn the_floor_only_answers() {
    let floor = |good: &str| good.replace("[users]", "protocol = \"floor\"\nmix.busy = 1\n[users]");
    let complaint = complaint(floor);
    assert!(complaint.contains("only knows answered calls"), "{complaint}");
}

#[test]
fn workers_share_users_and_calls() {
    let share = Scenario::parse(GOOD).unwrap().share(2);
    assert_eq!((share.users.calling, share.phases[0].calls_per_s.ends()), (2, (2.5, 2.5)));
}

#[test]
fn the_examples_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        names.push(Scenario::load(&path).unwrap().name);
        assert_eq!(path.file_stem().unwrap().to_str(), names.last().map(String::as_str));
    }
    names.sort();
    assert_eq!(names, ["call", "floor", "herd", "idle", "smoke", "soak", "stack", "steady", "upgrade"]);
}

#[test]
fn a_duration_is_written_as_it_was_read() {
    for text in ["250ms", "31.343ms", "0.5ms", "10s", "1.25s"] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
}
