//! What an operator has chosen, to be looked at.

use std::fmt;

use toml::{Table, Value};

use super::secrets::SECRETS;

/// What is not shown either: an address of a receiver may have a password in its path.
const PRIVATE: [&str; 3] = ["auth.jwks_urls", "policy.url", "webhooks.url"];

/// The settings that are not as by default.
#[derive(Debug)]
pub struct Chosen(Vec<(String, String)>);

impl Chosen {
    pub(super) fn of(settings: &Table, defaults: &Table) -> Self {
        let mut chosen = Vec::new();
        for (section, values) in settings {
            for (key, value) in values.as_table().into_iter().flatten() {
                let default = defaults.get(section).and_then(|section| section.get(key));
                if default != Some(value) {
                    let name = format!("{section}.{key}");
                    let shown = shown(&name, value);
                    chosen.push((name, shown));
                }
            }
        }
        Self(chosen)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// One on a line, as in a file of settings, but for what is secret.
impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "  {name} = {value}"))
    }
}

fn shown(name: &str, value: &Value) -> String {
    let secret = SECRETS.iter().any(|(section, key)| name.split_once('.') == Some((section, key)));
    if secret || PRIVATE.contains(&name) {
        return "(set)".to_owned();
    }
    match value.as_str() {
        Some(text) => Value::from(without_passwords(&without_credentials(text))).to_string(),
        None => value.to_string(),
    }
}

/// A URL with neither user nor password.
fn without_credentials(url: &str) -> String {
    match url.split_once("://").zip(url.rsplit_once('@')) {
        Some(((scheme, _), (_, rest))) => format!("{scheme}://(set)@{rest}"),
        None => url.to_owned(),
    }
}

/// A URL of Sentinels may have theirs in its query.
fn without_passwords(url: &str) -> String {
    let Some((place, query)) = url.split_once('?') else { return url.to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}=(set)"),
        _ => pair.to_owned(),
    });
    format!("{place}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let defaults: Table = "[auth]\nhs256_secret = ''\n[store]\nurl = 'memory:'".parse().unwrap();
        let settings = "[auth]\nhs256_secret = 'abc'\n[store]\nurl = 'redis://u:p@ss@h:1'".parse().unwrap();
        let chosen = Chosen::of(&settings, &defaults);
        assert_eq!(chosen.to_string(), "  auth.hs256_secret = (set)\n  store.url = \"redis://(set)@h:1\"\n");
    }

    #[test]
    fn no_part_of_a_url_gives_a_password_away() {
        let shown = |url: &str| super::shown("store.url", &Value::from(url));
        let sentinels = "redis-sentinel://h:1?node=h:2&sentinelUsername=u";
        assert_eq!(
            shown(&format!("{sentinels}&sentinelPassword=hidden&sentinelServiceName=x")),
            format!("\"{sentinels}&sentinelPassword=(set)&sentinelServiceName=x\"")
        );
        let collector = super::shown("telemetry.otlp_endpoint", &Value::from("http://u:hidden@h:4317"));
        assert_eq!(collector, "\"http://(set)@h:4317\"");
        assert_eq!(shown("memory:"), "\"memory:\"");
    }

    #[test]
    fn what_is_as_by_default_is_not_named() {
        let defaults: Table = "[drain]\nwindow_ms = 30000\n[log]\nfilter = 'info'".parse().unwrap();
        let settings = "[drain]\nwindow_ms = 4000\n[log]\nfilter = 'info'".parse().unwrap();
        let chosen = Chosen::of(&settings, &defaults);
        assert_eq!((chosen.count(), chosen.to_string().as_str()), (1, "  drain.window_ms = 4000\n"));
    }
}
