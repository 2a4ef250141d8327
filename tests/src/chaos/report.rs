//! The table, and the story of a call that went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::diary::Diary;
use super::digest::Digest;
use super::oracle::{Kind, Verdict, Violation};
use super::recovery::{Recovery, middle_and_most};

const LOST: &[Kind] = &[Kind::Lost];
const DOUBLED: &[Kind] = &[Kind::Doubled];
const DISORDERED: &[Kind] = &[Kind::Disordered];
const OUTCOME: &[Kind] = &[
    Kind::NoOutcome,
    Kind::TwoOutcomes,
    Kind::Disagreement,
    Kind::ToldWhenAsked,
    Kind::Vanished,
    Kind::Unprompted,
];
const OTHER: &[Kind] =
    &[Kind::Stray, Kind::Stuck, Kind::Odd, Kind::Forgotten, Kind::Unanswered, Kind::NotRecovered];

const HEAD: [&str; 16] = [
    "scenario",
    "faults",
    "calls",
    "connected",
    "timed out",
    "messages",
    "lost",
    "doubled",
    "disordered",
    "not one outcome",
    "other",
    "resumed",
    "unproved",
    "declared",
    "set-up again s",
    "message s",
];

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row(Vec<String>);

impl Row {
    /// A scenario's line. Where something was allowed, it follows behind a plus sign.
    pub fn new(scenario: &str, faults: usize, verdict: &Verdict, recovery: &Recovery) -> Self {
        let count = |kinds| match verdict.count(kinds) {
            (bad, 0) => bad.to_string(),
            (bad, allowed) => format!("{bad}+{allowed}"),
        };
        Self(vec![
            scenario.to_owned(),
            faults.to_string(),
            verdict.calls.to_string(),
            verdict.connected.to_string(),
            verdict.timed_out.to_string(),
            verdict.messages.to_string(),
            count(LOST),
            count(DOUBLED),
            count(DISORDERED),
            count(OUTCOME),
            count(OTHER),
            verdict.resumed.to_string(),
            verdict.unproved.to_string(),
            verdict.declared.to_string(),
            middle_and_most(&recovery.setups),
            middle_and_most(&recovery.messages),
        ])
    }
}

/// All lines under their head, as Markdown reads it.
pub fn table(rows: &[Row]) -> String {
    let head = Row(HEAD.map(str::to_owned).to_vec());
    let lines: Vec<&Row> = std::iter::once(&head).chain(rows).collect();
    let width =
        |column: usize| lines.iter().map(|row| row.0[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for (n, row) in lines.iter().enumerate() {
        for (column, (cell, width)) in row.0.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if n == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width - usize::from(column > 0));
                let colon = if column > 0 { ":" } else { "" };
                let _ = write!(text, "| {dashes}{colon} ");
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Violations of one kind that are told of one scenario; the rest is only counted.
const EXAMPLES: usize = 8;
/// Stories told of one scenario.
const STORIES: usize = 4;

/// What went wrong, and for the first few calls every frame of their devices. With `CHAOS_VERBOSE` what is allowed, too.
pub fn story(digest: &Digest, diaries: &[Arc<Diary>], verdict: &Verdict) -> String {
    let mut text = String::new();
    let everything = std::env::var_os("CHAOS_VERBOSE").is_some();
    let bad: Vec<_> =
        verdict.violations.iter().filter(|violation| everything || !violation.allowed).collect();
    let mut by_kind: BTreeMap<Kind, Vec<&Violation>> = BTreeMap::new();
    for violation in &bad {
        by_kind.entry(violation.kind).or_default().push(violation);
    }
    for (kind, all) in &by_kind {
        for violation in all.iter().take(EXAMPLES) {
            let _ = writeln!(text, "{violation}");
        }
        if all.len() > EXAMPLES {
            let _ = writeln!(text, "{kind:?}: … and {} more", all.len() - EXAMPLES);
        }
    }
    // One call for each kind of thing that went wrong: ten losses tell no more than one.
    let (mut kinds, mut calls): (Vec<Kind>, Vec<&String>) = (Vec::new(), Vec::new());
    for violation in &bad {
        if let Some(call) = violation.call.as_ref().filter(|_| !kinds.contains(&violation.kind)) {
            kinds.push(violation.kind);
            if !calls.contains(&call) && calls.len() < STORIES {
                calls.push(call);
            }
        }
    }
    for id in calls {
        let Some(call) = digest.calls.iter().find(|call| call.id == *id) else { continue };
        let (from, to) = (call.began().saturating_sub(MARGIN), call.last() + MARGIN);
        let _ = writeln!(text, "\n--- call {id}");
        let mut lines = Vec::new();
        for diary in diaries.iter().filter(|diary| call.views.iter().any(|view| view.user == diary.user)) {
            let name = format!("{}/{}", diary.user, diary.device);
            let of_call = diary.about(id).into_iter().filter(|line| line.at >= from && line.at <= to);
            lines.extend(of_call.map(|line| (name.clone(), line)));
        }
        lines.sort_by_key(|(_, line)| line.at);
        for (name, line) in lines {
            let _ = writeln!(text, "{:9.3} {name:>14} {line}", line.at.as_secs_f64());
        }
    }
    text
}

/// What a pair did from a fault until it had a call again, where that took long: for whoever wonders why.
pub fn slowest(recovery: &Recovery, diaries: &[Arc<Diary>]) -> Option<String> {
    let (from, to, users) = recovery.slowest.as_ref().filter(|(from, to, _)| *to - *from > LONG)?;
    let mut text = format!("{users}: no call from {:.3} to {:.3} s\n", from.as_secs_f64(), to.as_secs_f64());
    let mut lines = Vec::new();
    for diary in diaries.iter().filter(|diary| users.split(' ').any(|user| user == diary.user)) {
        let name = format!("{}/{}", diary.user, diary.device);
        let within = diary.lines().into_iter().filter(|line| line.at + MARGIN >= *from && line.at <= *to);
        lines.extend(within.map(|line| (name.clone(), line)));
    }
    lines.sort_by_key(|(_, line)| line.at);
    for (name, line) in lines {
        let _ = writeln!(text, "{:9.3} {name:>14} {line}", line.at.as_secs_f64());
    }
    Some(text)
}

/// A pair without a call for so long is worth a look.
const LONG: Duration = Duration::from_secs(12);

/// Every device's diary, whole, each in a file of its own.
pub fn write_diaries(folder: &Path, diaries: &[Arc<Diary>]) -> std::io::Result<()> {
    for diary in diaries {
        let mut text = String::new();
        for line in diary.lines() {
            let _ = writeln!(text, "{:9.3} {line}", line.at.as_secs_f64());
        }
        std::fs::write(folder.join(format!("{}-{}.txt", diary.user, diary.device)), text)?;
    }
    Ok(())
}

/// What is shown before and after a call.
const MARGIN: Duration = Duration::from_millis(300);

/// What was broken, and when.
pub fn faults(all: &[(Duration, Duration, String)]) -> String {
    let mut text = String::new();
    for (from, to, what) in all.iter().take(40) {
        let _ = writeln!(text, "{:9.3} to {:.3} s: {what}", from.as_secs_f64(), to.as_secs_f64());
    }
    if all.len() > 40 {
        let _ = writeln!(text, "… and {} more", all.len() - 40);
    }
    text
}
