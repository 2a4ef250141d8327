use std::{collections::BTreeSet, path::PathBuf};

use super::COMMANDS;

/// What a connection is set up with, a server is found by, and messages come by.
const BESIDE: [&str; 12] = [
    "CLIENT|ID",
    "CLIENT|SETNAME",
    "CLUSTER|INFO",
    "CLUSTER|SLOTS",
    "EVALSHA",
    "INFO",
    "PING",
    "ROLE",
    "SCRIPT|LOAD",
    "SSUBSCRIBE",
    "SUNSUBSCRIBE",
    "WAIT",
];
/// Commands of which only one kind is needed.
const CONTAINERS: [&str; 2] = ["XGROUP", "XINFO"];

type Names = BTreeSet<String>;

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).unwrap()
}

/// The commands of a script: the first argument of each call, whatever the function is called there, and the second of those
/// that have kinds.
fn commands(script: &str) -> Names {
    let calls = ["call('", "try('"].iter().flat_map(|call| script.split(call).skip(1));
    calls
        .map(|rest| {
            let mut words = rest.split('\'').step_by(2);
            let name = words.next().unwrap();
            match CONTAINERS.contains(&name) {
                true => format!("{name}|{}", words.next().unwrap()),
                false => name.to_owned(),
            }
        })
        .collect()
}

/// Those of all scripts, and those of the script that tries them.
fn of_scripts() -> (Names, Names) {
    let (mut used, mut tried) = (Names::new(), Names::new());
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripts")).unwrap() {
        let path = file.unwrap().path();
        let found = commands(&std::fs::read_to_string(&path).unwrap());
        if path.ends_with("rights.lua") { tried.extend(found) } else { used.extend(found) }
    }
    assert!(
        used.contains("SPUBLISH") && used.contains("XINFO|GROUPS"),
        "the search finds what there is: {used:?}"
    );
    (used, tried)
}

#[test]
fn every_command_of_the_scripts_is_tried() {
    let (used, tried) = of_scripts();
    assert_eq!(tried, used);
}

/// What is more is a risk, and what is less does not work.
#[test]
fn the_user_of_gateways_may_do_what_they_do_and_no_more() {
    let file = read("../../deploy/redis/users.acl");
    let user = file.lines().find(|line| line.starts_with("user ringback ")).unwrap();
    let allowed: Names = user.split(" +").skip(1).map(str::to_uppercase).collect();
    let (mut used, _) = of_scripts();
    used.extend(COMMANDS.map(|(command, _)| command.to_owned()));
    used.extend(BESIDE.map(str::to_owned));
    assert_eq!(allowed, used);
    assert!(user.contains(" ~rb1:{p*}:* &rb1:{p*}:n:* -@all +"), "its own keys and channels alone: {user}");
}

#[test]
fn the_commands_are_documented() {
    let page = read("../../docs/redis.md");
    let (_, table) = page.split_once("| group | commands |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let quoted = table.split('`').skip(1).step_by(2).filter(|word| !word.contains(char::is_lowercase));
    let documented: Names = quoted.map(|word| word.replace(' ', "|")).collect();
    let file = read("../../deploy/redis/users.acl");
    let user = file.lines().find(|line| line.starts_with("user ringback ")).unwrap();
    let mut allowed: Names = user.split(" +").skip(1).map(str::to_uppercase).collect();
    // Which nobody can be refused.
    allowed.extend(["AUTH", "HELLO"].map(str::to_owned));
    assert_eq!(documented, allowed);
}
