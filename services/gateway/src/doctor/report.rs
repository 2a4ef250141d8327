//! What was found, for people and for programs.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Neither good nor bad: not configured, or unknown.
    Note,
    /// It works, and will not always.
    Warning,
    /// It does not work, or loses calls.
    Failure,
}

impl Level {
    /// For people: what has to be looked at is loud.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "WARNING",
            Self::Failure => "FAILURE",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub subject: String,
    /// What was found.
    pub says: String,
    /// What can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    fn new(level: Level, subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self { level, subject: subject.into(), says: says.into(), hint: None }
    }

    pub(super) fn ok(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Ok, subject, says)
    }

    pub(super) fn note(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Note, subject, says)
    }

    pub(super) fn warning(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Warning, subject, says)
    }

    pub(super) fn failure(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Failure, subject, says)
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7} {}: {}", self.level.as_str(), self.subject, self.says)?;
        match &self.hint {
            Some(hint) => write!(f, "\n        {hint}"),
            None => Ok(()),
        }
    }
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which it is read.
    pub findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Json<'a> {
    ok: bool,
    failures: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// How many are as bad as that.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether nothing has failed.
    pub fn is_ok(&self) -> bool {
        self.count(Level::Failure) == 0
    }

    /// For programs.
    pub fn json(&self) -> String {
        let json = serde_json::to_string_pretty(&Json {
            ok: self.is_ok(),
            failures: self.count(Level::Failure),
            warnings: self.count(Level::Warning),
            findings: &self.findings,
        });
        json.unwrap_or_default() + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (failures, warnings) = (self.count(Level::Failure), self.count(Level::Warning));
        writeln!(f, "{}, {}", many(failures, "failure"), many(warnings, "warning"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_programs_read_the_same() {
        let mut report = Report::default();
        report.add(Finding::ok("settings", "are sound"));
        report.add(Finding::warning("redis", "is full").hint("give it more"));
        assert!(report.is_ok());
        report.add(Finding::failure("tokens", "are not accepted"));
        assert!(!report.is_ok());
        let expected = "ok      settings: are sound\n\
                        WARNING redis: is full\n        give it more\n\
                        FAILURE tokens: are not accepted\n\
                        1 failure, 1 warning\n";
        assert_eq!(report.to_string(), expected);
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((json["ok"].as_bool(), json["failures"].as_u64()), (Some(false), Some(1)));
        let warning = serde_json::json!({"level": "warning", "subject": "redis", "says": "is full", "hint": "give it more"});
        assert_eq!(json["findings"][1], warning);
    }
}
