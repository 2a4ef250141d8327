//! Comparing what came with what was wanted, leaving room for fields a newer server may add.

use serde_json::Value;

/// Whether `have` has everything that `want` names. Maps may hold more; anything else must be equal.
pub fn covers(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            want.iter().all(|(key, want)| have.get(key).is_some_and(|have| covers(have, want)))
        }
        _ => have == want,
    }
}

/// `base` with the fields of `more` put over it. Both must be maps.
pub fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

/// A value for people: long strings are cut, so that one SDP does not fill the screen.
pub fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{covers, with};

    #[test]
    fn a_map_may_hold_more_than_was_asked_for() {
        assert!(covers(&json!({"a": 1, "b": {"c": 2, "d": 3}}), &json!({"b": {"c": 2}})));
        assert!(!covers(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!covers(&json!([1, 2]), &json!([1])));
    }

    #[test]
    fn later_fields_win() {
        assert_eq!(with(json!({"a": 1, "b": 2}), json!({"b": 3})), json!({"a": 1, "b": 3}));
    }
}
