//! One question to a Redis server, as an inline command: enough to form a cluster, and no Redis client needed for it.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::patience::SOON;
use crate::users::HARNESS;

/// Sends `command` to the server on `port` and returns its answer as text. Understands the replies that these tests
/// need (status, number, bulk string, flat list of these, one a line); an error reply is an error.
pub async fn ask(port: u16, command: &str) -> Result<String> {
    // Where this user is not known, it is nobody in particular who asks.
    ask_as(port, HARNESS, "any", command).await
}

/// The same, by a user.
pub async fn ask_as(port: u16, user: &str, password: &str, command: &str) -> Result<String> {
    match timeout(SOON, ask_patiently(port, user, password, command)).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {SOON:?} to {command}"),
    }
}

async fn ask_patiently(port: u16, user: &str, password: &str, command: &str) -> Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    stream.write_all(format!("AUTH {user} \"{password}\"\r\n{command}\r\n").as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    line.clear();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.split_at_checked(1).context("empty reply")? {
        ("+" | ":", text) => Ok(text.to_owned()),
        ("$", length) => {
            let mut body = vec![0; length.parse().context("no such key")?];
            stream.read_exact(&mut body).await?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
        ("*", count) => {
            let mut text = String::new();
            for _ in 0..count.parse::<u32>().unwrap_or_default() {
                text.push_str(&element(&mut stream).await?);
                text.push('\n');
            }
            Ok(text)
        }
        ("-", error) => bail!("{command}: {error}"),
        _ => bail!("{command}: can't read {line:?}"),
    }
}

/// One element of a flat list.
async fn element(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.split_at_checked(1).context("an empty element")? {
        ("$", "-1") => Ok(String::new()),
        ("$", length) => {
            let mut body = vec![0; length.parse::<usize>()? + 2];
            stream.read_exact(&mut body).await?;
            Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
        }
        ("+" | ":", text) => Ok(text.to_owned()),
        _ => bail!("can't read the element {line:?}"),
    }
}
