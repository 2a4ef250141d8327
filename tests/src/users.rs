//! Who may do what in the Redis of a story: the users that the project's own files give, and one for the harness.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The password of every user of those files. It stands in URLs too.
pub const PASSWORD: &str = "the-password-of-these-tests";
/// Who gateways are.
pub const GATEWAY: &str = "ringback";
/// Who replicas are to their primary.
pub const REPLICA: &str = "replica";
/// Who Sentinels are to servers, and to each other.
pub const SENTINEL: &str = "sentinel";
/// The harness, which may do all: it forms clusters, breaks them, and looks at what is in them.
pub const HARNESS: &str = "harness";

/// Users of a server that holds data, as a file for its `aclfile`.
pub fn of_servers(dir: &Path) -> Result<PathBuf> {
    write(dir, "users.acl")
}

/// Users of a Sentinel.
pub fn of_sentinels(dir: &Path) -> Result<PathBuf> {
    write(dir, "sentinel-users.acl")
}

fn write(dir: &Path, name: &str) -> Result<PathBuf> {
    let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/redis").join(name);
    let text = std::fs::read_to_string(&documented).with_context(|| documented.display().to_string())?;
    let hash: String = Sha256::digest(PASSWORD).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut users = text;
    for user in [GATEWAY, REPLICA, SENTINEL] {
        users = users.replace(&format!("{}_PASSWORD_SHA256", user.to_uppercase()), &hash);
    }
    users.push_str(&format!("user {HARNESS} on nopass ~* &* +@all\n"));
    let path = dir.join(name);
    std::fs::write(&path, users)?;
    Ok(path)
}

/// The address of one server, as gateways log in there.
pub fn url(port: u16) -> String {
    format!("redis://{GATEWAY}:{PASSWORD}@127.0.0.1:{port}")
}
