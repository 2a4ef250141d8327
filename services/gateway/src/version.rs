//! Which gateway this is.

use std::sync::LazyLock;

/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, if `RINGBACK_COMMIT` told the compiler. Not asked of git: the same sources give the same
/// program.
pub const COMMIT: Option<&str> = match option_env!("RINGBACK_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};

/// Both, as `--version` says them.
pub fn full() -> &'static str {
    static FULL: LazyLock<String> =
        LazyLock::new(|| COMMIT.map_or_else(|| VERSION.to_owned(), |commit| format!("{VERSION} ({commit})")));
    &FULL
}
