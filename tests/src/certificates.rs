//! Certificates for loopback, by `openssl`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// An authority of our own, and a certificate of it for loopback: `ca.crt`, `server.crt`, `server.key` in this folder.
pub fn issue(dir: &Path) -> Result<()> {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let authority = format!("{new} -subj /CN=authority -keyout ca.key -out ca.crt");
    let server = "-subj /CN=server -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE";
    let server = format!("{new} {server} -CA ca.crt -CAkey ca.key -keyout server.key -out server.crt");
    for words in [authority, server] {
        let made = Command::new("openssl").args(words.split(' ')).current_dir(dir).output();
        let made = made.context("openssl is not installed: scripts/setup openssl")?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}
