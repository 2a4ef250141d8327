//! Reading what Redis answers.

use bytes::Bytes;
use fred::types::Value;
use ringback_call::CallId;
use ringback_store::StoreError;

/// A reply of another form than the command gives.
#[derive(Debug, thiserror::Error)]
#[error("unexpected reply: {0}")]
pub(crate) struct Unexpected(pub(crate) &'static str);

impl Unexpected {
    pub(crate) fn in_the(self, what: &'static str) -> StoreError {
        StoreError::corrupt(what, self)
    }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>, Unexpected> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(Unexpected("not a list")),
    }
}

pub(crate) fn next(values: &mut impl Iterator<Item = Value>) -> Result<Value, Unexpected> {
    values.next().ok_or(Unexpected("a short list"))
}

pub(crate) fn integer(value: Value) -> Result<i64, Unexpected> {
    value.as_i64().ok_or(Unexpected("not an integer"))
}

/// An unsigned number, sent as an integer or as its digits.
pub(crate) fn number(value: Value) -> Result<u64, Unexpected> {
    match value {
        Value::Integer(number) => u64::try_from(number).map_err(|_| Unexpected("a negative number")),
        other => text(other)?.parse().map_err(|_| Unexpected("not a number")),
    }
}

/// The score of a member of a sorted set: all of ours are whole numbers.
pub(crate) fn score(value: Value) -> Result<u64, Unexpected> {
    match value.as_f64() {
        Some(score) if score >= 0.0 => Ok(score as u64),
        _ => Err(Unexpected("not a score")),
    }
}

pub(crate) fn text(value: Value) -> Result<String, Unexpected> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        _ => Err(Unexpected("not a text")),
    }
}

pub(crate) fn call_id(value: Value) -> Result<CallId, Unexpected> {
    read_call_id(&text(value)?)
}

pub(crate) fn read_call_id(text: &str) -> Result<CallId, Unexpected> {
    CallId::new(text).map_err(|_| Unexpected("not a call id"))
}

pub(crate) fn bytes(value: Value) -> Result<Bytes, Unexpected> {
    match value {
        Value::String(text) => Ok(text.into_inner()),
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(Unexpected("not a string")),
    }
}

/// Fields and values of a hash: a map in RESP3, a flat list where a script passes it on.
pub(crate) fn fields(value: Value) -> Result<Vec<(String, Value)>, Unexpected> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Map(map) => map
            .inner()
            .into_iter()
            .map(|(key, value)| Ok((key.into_string().ok_or(Unexpected("a field's name"))?, value)))
            .collect(),
        other => {
            let mut flat = list(other)?.into_iter();
            let mut pairs = Vec::with_capacity(flat.len() / 2);
            while let Some(name) = flat.next() {
                pairs.push((text(name)?, next(&mut flat)?));
            }
            Ok(pairs)
        }
    }
}
