//! A look at `/metrics`, as Prometheus does it: one request over HTTP, without TLS.

use std::{str::FromStr, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(2);
/// No gateway tells more.
const MOST: u64 = 4 << 20;

/// Where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    path: String,
}

impl FromStr for Target {
    type Err = String;

    /// `http://host:port/path`
    fn from_str(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or("--metrics: a URL that begins with http://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, "metrics"));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host, path: format!("/{path}") })
    }
}

impl Target {
    /// What it says.
    pub(super) async fn get(&self) -> anyhow::Result<String> {
        timeout(LIMIT, self.ask()).await.with_context(|| format!("{} does not answer", self.host))?
    }

    async fn ask(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.host).await.with_context(|| self.host.clone())?;
        // HTTP/1.0: the answer is in one piece, and ends with the connection.
        let request = format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", self.path, self.host);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(MOST).read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer in HTTP")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        ensure!(status == "200", "{}{} answers {status}", self.host, self.path);
        Ok(body.to_owned())
    }
}

/// The sum of all series of that name; `None` if there are none.
pub(super) fn sum(text: &str, metric: &str) -> Option<f64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(metric)?;
        let value = match rest.strip_prefix('{') {
            // Labels of these metrics hold no braces.
            Some(labels) => labels.split_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split_whitespace().next()?.parse::<f64>().ok()
    };
    text.lines().filter_map(value).fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_metrics() {
        let target: Target = "http://10.0.0.1:9090".parse().unwrap();
        assert_eq!((&*target.host, &*target.path), ("10.0.0.1:9090", "/metrics"));
        assert_eq!("http://gw/m/x".parse::<Target>().unwrap().host, "gw:80");
        assert!("https://gw/metrics".parse::<Target>().is_err());
    }

    #[test]
    fn series_of_one_name_are_added_up() {
        let text = "# TYPE ringback_calls gauge\nringback_calls{state=\"idle\"} 1\nringback_calls{state=\"ringing\"} 2\n\
                    ringback_calls_put_back_total 7\nprocess_threads 4\n";
        assert_eq!(sum(text, "ringback_calls"), Some(3.0));
        assert_eq!((sum(text, "process_threads"), sum(text, "process")), (Some(4.0), None));
    }
}
