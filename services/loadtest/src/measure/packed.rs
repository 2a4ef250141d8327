//! A histogram that can be sent: as text in the V2 format with deflate, which other HDR tools read too.

use std::{io::Cursor, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer as Unpack, Serializer as _, V2DeflateSerializer},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// No time is longer than an hour, in microseconds: a histogram grows with the longest.
const LONGEST: u64 = 3_600_000_000;

/// Microseconds; as wide as it needs to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packed(pub(crate) Histogram<u64>);

impl Packed {
    /// Of so many digits, 1 to 5.
    pub(crate) fn new(digits: u8) -> Self {
        // Digits are constants of this crate: a wrong one shows in the first test.
        #[allow(clippy::expect_used, reason = "can only fail for digits beyond 5")]
        Self(Histogram::new(digits.clamp(1, 5)).expect("1 to 5 digits"))
    }
}

impl Packed {
    /// One more time.
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        // It grows as needed, so it has room for each.
        let _ = self.0.record(micros);
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).map_err(S::Error::custom)?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let histogram = Unpack::new().deserialize(&mut Cursor::new(bytes));
        let mut histogram: Histogram<u64> = histogram.map_err(|_| D::Error::custom("no histogram"))?;
        histogram.auto(true);
        Ok(Self(histogram))
    }
}
