//! A TCP proxy that can be told to misbehave as networks do: cut every connection, hold what passes, delay it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::patience::SOON;

/// What becomes of the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They wait until this is over, as behind a router that is rebooting: TCP would send them again.
    Hold,
    /// They pass this much later.
    Delay(Duration),
}

#[derive(Debug, Clone, Copy)]
struct Weather {
    /// From the client to the server.
    up: Flow,
    /// And back.
    down: Flow,
    /// Connections of an older generation are cut.
    generation: u64,
}

/// One listening proxy. Dropping it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    taken: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a loopback port of its own for clients of the server on port `target`.
    pub async fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (weather, seen) = watch::channel(Weather { up: Flow::Pass, down: Flow::Pass, generation: 0 });
        let taken = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, target, seen, Arc::clone(&taken)));
        Ok(Self { port, weather, taken, accepting })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Cuts every connection there is; new ones are taken.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.generation += 1);
    }

    /// What becomes of the bytes from here on, of those on the way, too.
    pub fn set(&self, up: Flow, down: Flow) {
        self.weather.send_modify(|weather| (weather.up, weather.down) = (up, down));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: u16,
    weather: watch::Receiver<Weather>,
    taken: Arc<AtomicU64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        taken.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(join(client, target, weather.clone()));
    }
}

/// Serves one connection until either side ends it or it is cut.
async fn join(client: TcpStream, target: u16, weather: watch::Receiver<Weather>) {
    let generation = weather.borrow().generation;
    let Ok(Ok(server)) = timeout(SOON, TcpStream::connect(("127.0.0.1", target))).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let mut all = weather.clone();
    tokio::select! {
        () = pump(client_in, server_out, weather.clone(), |weather| weather.up) => {}
        () = pump(server_in, client_out, weather, |weather| weather.down) => {}
        // An error: the proxy is gone.
        _ = all.wait_for(|weather| weather.generation > generation) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    flow: fn(&Weather) -> Flow,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let passing = weather.wait_for(|weather| flow(weather) != Flow::Hold).await.map(|now| flow(&now));
        let Ok(passing) = passing else { return };
        if let Flow::Delay(time) = passing {
            sleep(time).await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says everything back, and a connection to it through a proxy.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap().port()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        (proxy, stream)
    }

    async fn comes_back(stream: &mut TcpStream, within: Duration) -> bool {
        let mut byte = [0];
        matches!(timeout(within, stream.read_exact(&mut byte)).await, Ok(Ok(_)))
    }

    const A_MOMENT: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn what_is_held_comes_later() {
        let (proxy, mut stream) = echo().await;
        for (up, down) in [(Flow::Hold, Flow::Pass), (Flow::Pass, Flow::Hold), (Flow::Hold, Flow::Hold)] {
            proxy.set(up, down);
            stream.write_all(b"x").await.unwrap();
            assert!(!comes_back(&mut stream, A_MOMENT).await, "{up:?} {down:?}");
            proxy.set(Flow::Pass, Flow::Pass);
            assert!(comes_back(&mut stream, SOON).await);
        }
    }

    #[tokio::test]
    async fn what_is_delayed_takes_longer() {
        let (proxy, mut stream) = echo().await;
        proxy.set(Flow::Delay(A_MOMENT), Flow::Pass);
        let start = tokio::time::Instant::now();
        stream.write_all(b"x").await.unwrap();
        assert!(comes_back(&mut stream, SOON).await);
        assert!(start.elapsed() >= A_MOMENT);
    }

    #[tokio::test]
    async fn a_cut_ends_what_there_is_and_nothing_else() {
        let (proxy, mut stream) = echo().await;
        stream.write_all(b"x").await.unwrap();
        assert!(comes_back(&mut stream, SOON).await);
        proxy.cut();
        assert!(matches!(timeout(SOON, stream.read(&mut [0])).await, Ok(Ok(0) | Err(_))));
        let mut next = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        next.write_all(b"x").await.unwrap();
        assert!(comes_back(&mut next, SOON).await);
        assert_eq!(proxy.taken(), 2);
    }
}
