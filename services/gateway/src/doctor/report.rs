//! What was found, for people and for programs.

use std::fmt;

use serde::Serialize;

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and will not always.
    Warning,
    /// It does not work.
    Failure,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How good it is.
    pub level: Level,
    /// What was looked at.
    pub subject: String,
    /// What it is like.
    pub says: String,
    /// What can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// All of them, in the order in which they were looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Each.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Nothing to be done.
    pub fn ok(&mut self, subject: impl Into<String>, says: impl Into<String>) {
        self.add(Level::Ok, subject.into(), says.into(), None);
    }

    /// It works, and will not always.
    pub fn warning(&mut self, subject: impl Into<String>, says: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, subject.into(), says.into(), Some(hint.into()));
    }

    /// It does not work.
    pub fn failure(&mut self, subject: impl Into<String>, says: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Failure, subject.into(), says.into(), Some(hint.into()));
    }

    fn add(&mut self, level: Level, subject: String, says: String, hint: Option<String>) {
        self.findings.push(Finding { level, subject, says, hint });
    }

    /// How many are so good.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether anything does not work.
    pub fn has_failed(&self) -> bool {
        self.count(Level::Failure) > 0
    }

    /// For programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// For people: one on a line, and below it what can be done.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { level, subject, says, hint } in &self.findings {
            let level = match level {
                Level::Ok => "ok     ",
                Level::Warning => "WARNING",
                Level::Failure => "FAILURE",
            };
            writeln!(f, "{level} {subject}: {says}")?;
            if let Some(hint) = hint {
                writeln!(f, "        {hint}")?;
            }
        }
        let (warnings, failures) = (self.count(Level::Warning), self.count(Level::Failure));
        writeln!(f, "{failures} failure(s), {warnings} warning(s)")
    }
}
