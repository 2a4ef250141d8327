//! How a call is written down.

/// Whether a value is as it begins. Such a one is not written: a call's document is stored, and sent along, with each
/// change, and most of it is as it began.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Writes a struct as a sequence of its fields: without their names, which would be half of what is stored of it. For those
/// alone that will never have another field. What was written with names is read all the same.
macro_rules! without_names {
    ($name:ident $(<$of:ident>)? { $($field:ident),+ }) => {
        impl $(<$of: serde::Serialize>)? serde::Serialize for $name $(<$of>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ($(&self.$field,)+).serialize(serializer)
            }
        }
    };
}
pub(crate) use without_names;
