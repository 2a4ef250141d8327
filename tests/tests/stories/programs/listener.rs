//! Ports that speak TLS by themselves.

use std::fs::{copy, rename, write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringback_tests::certificates::{issue, issue_another};
use ringback_tests::client::{Client, Seat};
use ringback_tests::codec::Codec;
use ringback_tests::flow::{accept, end, finish, ring};
use ringback_tests::gateway::{self, Gateway};
use ringback_tests::http;
use ringback_tests::patience::{START, eventually};
use ringback_tests::ports::free_port;
use ringback_tests::process::Process;
use ringback_tests::scrape::Scrape;
use ringback_tests::token;
use ringback_tests::tunnel::{self, Tunnel};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::runs;

const LOADS: &str = "ringback_tls_certificate_loads_total";
const EXPIRES: &str = "ringback_tls_certificate_expires_timestamp_seconds{port=\"clients\"}";
/// Files are looked at every five seconds, and twice before anything is said of bad ones.
const NOTICED: Duration = Duration::from_secs(20);

/// The two settings of a port, in this folder.
fn files(section: &str, dir: &Path) -> [(String, String); 2] {
    let file = |name: &str| dir.join(name).display().to_string();
    [(format!("{section}__TLS_CERT"), file("port.crt")), (format!("{section}__TLS_KEY"), file("port.key"))]
}

/// Puts a certificate where the gateway looks.
fn put(dir: &Path, name: &str) {
    for kind in ["crt", "key"] {
        // As a whole: one that is half written is another story.
        copy(dir.join(format!("{name}.{kind}")), dir.join("new")).expect("a copy");
        rename(dir.join("new"), dir.join(format!("port.{kind}"))).expect("a file");
    }
}

async fn join(user: &str, port: u16) -> Client {
    let seat = Seat {
        user: user.to_owned(),
        device: Some("desk".to_owned()),
        port,
        codec: Codec::Json,
        token: token::good(user),
        names_protocol: true,
    };
    let client = Client::open(seat).await.expect("a connection");
    client.hello(json!({})).await.expect("it is greeted");
    client
}

/// What the gateway has counted, once it has counted so many.
async fn counted(gateway: &Gateway, series: &str, want: f64) {
    let looked = eventually(NOTICED, async || {
        let scrape = Scrape::of(std::slice::from_ref(gateway)).await.ok()?;
        (scrape.get(series) >= want).then_some(())
    });
    assert!(looked.await.is_some(), "{series} {want}\n{}", gateway.tail());
}

async fn expires(gateway: &Gateway) -> f64 {
    let at = Scrape::of(std::slice::from_ref(gateway)).await.expect("metrics").get(EXPIRES);
    at - SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

pub(super) async fn a_certificate_is_replaced_under_calls() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    issue(dir).expect("certificates");
    issue_another(dir, "next", 60).expect("another");
    issue_another(dir, "over", -1).expect("one that is over");
    put(dir, "server");
    let files = files("SERVER", dir);
    let settings: Vec<(&str, String)> =
        files.iter().map(|(key, file)| (key.as_str(), file.clone())).collect();
    let gateway = Gateway::start(dir, "tls", "memory:", &settings).await.expect("it runs");
    // A connection that says nothing, while all else goes on.
    let mute = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("a connection");
    let begun = Instant::now();
    let closed = tokio::spawn(async move {
        let mut mute = mute;
        timeout(NOTICED, mute.read_u8()).await.map(|read| (read.is_err(), begun.elapsed()))
    });

    let way = Tunnel::start(dir, gateway.port()).await.expect("a tunnel");
    let (alice, bob) = (join("alice", way.port()).await, join("bob", way.port()).await);
    let first = way.shown()[0].clone();
    let call = ring(&alice, &[&bob]).await;
    assert!((86_400.0..=172_800.0).contains(&expires(&gateway).await), "the certificate's own time");

    // The certificate without its key, nonsense, and one that is over: the old one stays.
    copy(dir.join("next.crt"), dir.join("port.crt")).expect("a copy");
    counted(&gateway, &format!("{LOADS}{{port=\"clients\",result=\"failed\"}}"), 1.0).await;
    write(dir.join("port.key"), "nonsense").expect("a file");
    counted(&gateway, &format!("{LOADS}{{port=\"clients\",result=\"failed\"}}"), 2.0).await;
    put(dir, "over");
    counted(&gateway, &format!("{LOADS}{{port=\"clients\",result=\"failed\"}}"), 3.0).await;
    let carol = join("carol", way.port()).await;
    assert_eq!(way.shown()[2], first, "still the old one");
    assert_eq!(
        gateway.log().matches("a new certificate can't be used").count(),
        3,
        "each is told once\n{}",
        gateway.tail()
    );

    put(dir, "next");
    counted(&gateway, &format!("{LOADS}{{port=\"clients\",result=\"loaded\"}}"), 1.0).await;
    let dave = join("dave", way.port()).await;
    assert_ne!(way.shown()[3], first, "who connects now is shown the new one");
    assert!(expires(&gateway).await > 50.0 * 86_400.0, "the new one's time");
    // Those that were there go on, and talk with those who came since.
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    end(&alice, &[&bob], &call, "hangup").await;
    let call = ring(&carol, &[&dave]).await;
    end(&carol, &[&dave], &call, "cancelled").await;

    let (closed, after) = closed.await.expect("a task").expect("a mute connection is closed");
    assert!(closed && after >= Duration::from_secs(9), "{after:?}");
    counted(&gateway, "ringback_tls_handshakes_total{port=\"clients\",result=\"timed_out\"}", 1.0).await;
    assert!(tunnel::connect(dir, gateway.port(), &["h2"]).await.is_err(), "HTTP/1.1 is all there is");
    assert!(http::get(gateway.port(), "/").await.is_err(), "nobody is answered without TLS");
    let key = std::fs::read_to_string(dir.join("next.key")).expect("a key");
    let line = key.lines().nth(1).expect("a line of it");
    assert!(!gateway.log().contains(line), "the key is not logged");
    assert_eq!(gateway.panics(), Vec::<String>::new());
}

pub(super) async fn operators_are_answered_by_tls() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    issue(dir).expect("certificates");
    put(dir, "server");
    let admin = free_port();
    let listen = format!("127.0.0.1:{admin}");
    let [cert, key] = files("ADMIN", dir);
    let settings = [(cert.0.as_str(), cert.1.as_str()), (&key.0, &key.1), ("ADMIN__LISTEN", &listen)];
    let mut command = gateway::command().expect("a gateway");
    command.args(["--dev", "--listen", &format!("127.0.0.1:{}", free_port())]);
    for (name, value) in settings {
        command.env(format!("RINGBACK_{name}"), value);
    }
    let process = Process::spawn("gateway-admin", command, dir).expect("it starts");
    let ready = async || runs(&["probe", "--ready"], &settings).await.status.success().then_some(());
    assert!(eventually(START, ready).await.is_some(), "the probe is content\n{}", process.tail(40));
    let plain = runs(&["probe"], &[("ADMIN__LISTEN", &listen)]).await;
    assert_eq!(plain.status.code(), Some(1), "there is no other way in: {plain:?}");
    let way = Tunnel::start(dir, admin).await.expect("a tunnel");
    let (status, text) = http::get(way.port(), "/healthz").await.expect("an answer");
    assert_eq!(status, 200, "{text}");

    // What becomes of the files does not make a gateway look dead that runs.
    write(dir.join("port.key"), "nonsense").expect("a file");
    assert!(runs(&["probe"], &settings).await.status.success());
    let doctor = runs(&["doctor"], &settings).await;
    let told = String::from_utf8_lossy(&doctor.stdout);
    assert!(told.contains("FAILURE admin.tls_cert: ") && told.contains("no private key"), "{told}");
    put(dir, "server");
    let told = runs(&["doctor"], &settings).await;
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("WARNING admin.tls_cert: is good for"), "{told}");
}

pub(super) async fn certificates_that_do_not_work_are_wrong_settings() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    issue(dir).expect("certificates");
    issue_another(dir, "other", 2).expect("another");
    let file = |name: &str| dir.join(name).display().to_string();
    for (cert, key, why) in [
        ("server.crt", "other.key", "server.tls_cert: the key can't be used with the certificate"),
        ("server.crt", "nothing.key", "nothing.key can't be read"),
        ("server.key", "server.key", "holds no certificate"),
        ("server.crt", "server.crt", "holds no private key"),
        ("server.crt", "", "server.tls_key: is needed with server.tls_cert"),
        ("", "server.key", "server.tls_cert: is needed with server.tls_key"),
    ] {
        let path = |name: &str| if name.is_empty() { String::new() } else { file(name) };
        let (cert, key) = (path(cert), path(key));
        let settings = [("SERVER__TLS_CERT", cert.as_str()), ("SERVER__TLS_KEY", &key)];
        for words in [&["check-config"] as &[_], &[]] {
            let ended = runs(words, &settings).await;
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{why}");
            assert!(errors.contains(why), "{why}: {errors}");
        }
    }
}
