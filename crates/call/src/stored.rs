//! How a call is written down.

/// Whether a value is as it begins. Such a one is not written: a call's document is stored, and sent along, with each
/// change, and most of it is as it began.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
