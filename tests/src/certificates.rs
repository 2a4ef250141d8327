//! Certificates for loopback, by `openssl`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
const LOOPBACK: &str = "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE";

/// An authority of our own, and a certificate of it for loopback: `ca.crt`, `server.crt`, `server.key` in this folder.
pub fn issue(dir: &Path) -> Result<()> {
    openssl(dir, &format!("req -x509 {KEY} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt"))?;
    issue_another(dir, "server", 2)
}

/// Another certificate of the same authority, `NAME.crt` and `NAME.key`, good for so many days from now; -1: over since yesterday.
pub fn issue_another(dir: &Path, name: &str, days: i32) -> Result<()> {
    openssl(dir, &format!("req -new {KEY} -subj /CN={name} {LOOPBACK} -keyout {name}.key -out {name}.csr"))?;
    let signed = "-CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copyall";
    openssl(dir, &format!("x509 -req -in {name}.csr {signed} -days {days} -out {name}.crt"))
}

fn openssl(dir: &Path, words: &str) -> Result<()> {
    let made = Command::new("openssl").args(words.split_whitespace()).current_dir(dir).output();
    let made = made.context("openssl is not installed: scripts/setup openssl")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
