use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::settings::source::DEFAULTS;

fn defaults() -> Table {
    DEFAULTS.parse().unwrap()
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("secret");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// What becomes of a setting whose file holds this.
    fn read(&self, section: &str, key: &str, bytes: &[u8]) -> Result<Value, Problems> {
        let mut settings = defaults();
        let path = self.write(bytes).display().to_string();
        settings[section].as_table_mut().unwrap().insert(format!("{key}_file"), path.into());
        let mut problems = Problems::default();
        read(&mut settings, &mut problems);
        if problems.0.is_empty() { Ok(settings[section][key].clone()) } else { Err(problems) }
    }
}

#[test]
fn every_secret_may_be_in_a_file() {
    let (files, defaults) = (Files::new(), defaults());
    for (section, key) in SECRETS {
        let read = files.read(section, key, b"\n  hidden\r\n").unwrap();
        let list = defaults[section][key].is_array();
        let expected = if list { Value::from(vec!["hidden"]) } else { Value::from("hidden") };
        assert_eq!(read, expected, "{section}.{key}");
    }
    // A setting that is new and secret is not forgotten.
    for (section, values) in &defaults {
        for key in values.as_table().unwrap().keys() {
            let secret = ["secret", "secrets", "password"].iter().any(|word| key.ends_with(word));
            let known = SECRETS.contains(&(section, key));
            assert!(!secret || known, "{section}.{key}");
            assert_eq!(known, values.get(format!("{key}_file")).is_some(), "{section}.{key}");
        }
    }
}

#[test]
fn a_list_is_one_on_a_line_or_with_commas_between() {
    let files = Files::new();
    for text in ["a=1\nb=2\n", "a=1, b=2", "a=1,\r\n\r\nb=2"] {
        let read = files.read("auth", "hs256_keys", text.as_bytes()).unwrap();
        assert_eq!(read, Value::from(vec!["a=1", "b=2"]), "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_said_without_a_word_of_it() {
    let files = Files::new();
    let longest = "x".repeat(65_536);
    assert!(files.read("turn", "secret", longest.as_bytes()).is_ok());
    for (bytes, why) in [
        (b"" as &[u8], "is empty"),
        (b" \n", "is empty"),
        (b"hidden\xff", "is no text in UTF-8"),
        (format!("{longest}x").as_bytes(), "is longer than 65536 bytes"),
    ] {
        let Problems(problems) = files.read("turn", "secret", bytes).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("turn.secret_file: /") && problems[0].ends_with(why), "{problems:?}");
        assert!(!problems[0].contains("hidden"), "{problems:?}");
    }
    let mut settings = defaults();
    let turn = settings["turn"].as_table_mut().unwrap();
    turn.insert("secret_file".to_owned(), files.0.path().join("nothing").display().to_string().into());
    let mut problems = Problems::default();
    read(&mut settings, &mut problems);
    assert!(problems.0[0].contains("nothing can't be read: No such file"), "{problems:?}");
}

#[test]
fn a_secret_is_given_once() {
    let files = Files::new();
    for (section, key, value) in
        [("turn", "secret", Value::from("hidden")), ("webhooks", "secrets", Value::from(vec!["hidden"]))]
    {
        let mut settings = defaults();
        let path = files.write(b"hidden too").display().to_string();
        let values = settings[section].as_table_mut().unwrap();
        values.insert(format!("{key}_file"), path.into());
        values.insert(key.to_owned(), value);
        let mut problems = Problems::default();
        read(&mut settings, &mut problems);
        assert_eq!(problems.0, [format!("{section}.{key}_file: and {section}.{key}: only one of them")]);
    }
}
