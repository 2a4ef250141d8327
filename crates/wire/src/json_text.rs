//! A value that passes through unread: kept as JSON text, whichever format it came in and goes out by.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

/// JSON text of one value.
pub(crate) struct JsonText(pub(crate) String);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            // It may have to go out as MessagePack, which knows neither half of a surrogate pair nor 1e999.
            let mut reader = serde_json::Deserializer::from_str(raw.get());
            let mut nowhere = serde_json::Serializer::new(std::io::sink());
            serde_transcode::transcode(&mut reader, &mut nowhere).map_err(D::Error::custom)?;
            return Ok(Self(raw.get().to_owned()));
        }
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::new(&mut text);
        serde_transcode::transcode(deserializer, &mut writer).map_err(D::Error::custom)?;
        String::from_utf8(text).map(Self).map_err(D::Error::custom)
    }
}

/// JSON text, to be written as the value it stands for.
pub(crate) struct JsonValue<'a>(pub(crate) &'a str);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let raw: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
            return raw.serialize(serializer);
        }
        let mut reader = serde_json::Deserializer::from_str(self.0);
        serde_transcode::transcode(&mut reader, serializer)
    }
}
