//! Users, as clients and the application's servers know them: by their names. Of which tenant they are, a client knows, and a
//! server is told apart.

use ringback_call::{DeviceId, Endpoint, UserId};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// A user's name.
pub(crate) fn name<S: Serializer>(user: &UserId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(user.name())
}

/// A side of a call, as servers are told of it.
#[derive(Serialize)]
pub(crate) struct Party<'a> {
    #[serde(serialize_with = "name")]
    pub(crate) user: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<&'a DeviceId>,
}

/// A device of a user.
pub(crate) struct Device<'a>(pub(crate) &'a Endpoint);

impl Serialize for Device<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("user", self.0.user.name())?;
        map.serialize_entry("device", &self.0.device)?;
        map.end()
    }
}

/// The same, of a field that may be missing.
pub(crate) fn device<S: Serializer>(of: &Option<Endpoint>, serializer: S) -> Result<S::Ok, S::Error> {
    of.as_ref().map(Device).serialize(serializer)
}
