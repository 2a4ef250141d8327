//! Which settings are secret, and how they come out of files.

use std::{fs::File, io::Read as _};

use toml::{Table, Value};

use super::source::Problems;

/// Each can be given as `<key>_file` too.
pub(super) const SECRETS: [(&str, &str); 7] = [
    ("auth", "hs256_keys"),
    ("auth", "hs256_secret"),
    ("policy", "secrets"),
    ("store", "password"),
    ("store", "sentinel_password"),
    ("turn", "secret"),
    ("webhooks", "secrets"),
];
/// The most that a file may hold, in bytes.
const LONGEST: u64 = 65_536;

/// Puts what is in the files in the place of what names them.
pub(super) fn read(settings: &mut Table, problems: &mut Problems) {
    for (section, key) in SECRETS {
        let Some(values) = settings.get_mut(section).and_then(Value::as_table_mut) else { continue };
        let file = values.get(&format!("{key}_file")).and_then(Value::as_str).unwrap_or_default();
        if file.is_empty() {
            continue;
        }
        let name = format!("{section}.{key}_file");
        let value = values.get(key);
        let is_list = matches!(value, Some(Value::Array(_)));
        let given = match value {
            Some(Value::Array(items)) => !items.is_empty(),
            other => !other.and_then(Value::as_str).unwrap_or_default().is_empty(),
        };
        if given {
            problems.add(&name, format_args!("and {section}.{key}: only one of them"));
            continue;
        }
        match contents(file) {
            Ok(text) if is_list => {
                let items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
                values.insert(key.to_owned(), Value::Array(items.map(Value::from).collect()));
            }
            Ok(text) => {
                values.insert(key.to_owned(), Value::String(text));
            }
            Err(why) => problems.add(&name, format_args!("{file} {why}")),
        }
    }
}

/// Without what editors and `echo` put around it. What is wrong with it is said without a word of it.
fn contents(file: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("can't be read: {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is no text in UTF-8")?;
    match text.trim() {
        "" => Err("is empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
