//! Real Redis servers, gateways and runs of the load tool, for one test each, and never left behind.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "a secret that only these tests use, long enough for HS256";
/// A test that passes never waits for it.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {LIMIT:?}");
        sleep(Duration::from_millis(20));
    }
}

/// Below the ports that the kernel gives to outgoing connections; no port twice in one process, and test processes start
/// at different places.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 12_000) as u16;
    eventually("a free port", || {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (start.wrapping_mul(89) % 12_000 + step) % 12_000;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    })
}

/// What `GET` of that path says, if it says 200.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200").then_some(answer)
}

/// One process; killed when it is dropped.
struct Part(Child);

impl Part {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program())))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Redis and two nodes on it: gateways, or floors.
pub(crate) struct Cluster {
    pub(crate) folder: TempDir,
    pub(crate) redis: u16,
    /// The admin ports of gateways; of floors, ports that nobody listens on.
    pub(crate) admins: Vec<u16>,
    targets: Vec<String>,
    /// Redis, then the nodes.
    parts: Vec<Part>,
}

impl Cluster {
    fn start(node: impl Fn(u16, u16, &str) -> Command, ready: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let redis = free_port();
        let server = std::env::var("RINGBACK_REDIS_SERVER").unwrap_or("redis-server".to_owned());
        let mut command = Command::new(server);
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &redis.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut parts = vec![Part::start(command.current_dir(&folder), &folder.path().join("redis.log"))];
        eventually("Redis", || TcpStream::connect(("127.0.0.1", redis)).ok());
        let (mut targets, mut admins) = (Vec::new(), Vec::new());
        for number in 0..2 {
            let (port, admin) = (free_port(), free_port());
            let mut command = node(port, admin, &format!("redis://127.0.0.1:{redis}"));
            let log = folder.path().join(format!("node-{number}.log"));
            parts.push(Part::start(&mut command, &log));
            let asked = if ready == "client" { port } else { admin };
            eventually(&format!("a node ({})", log.display()), || get(asked, "/readyz"));
            targets.push(format!("ws://127.0.0.1:{port}/v1/ws"));
            admins.push(admin);
        }
        Self { folder, redis, admins, targets, parts }
    }

    /// Two gateways, on which a call rings for a second.
    pub(crate) fn gateways() -> Self {
        let node = |port: u16, admin: u16, redis: &str| {
            let mut command = Command::new(gateway());
            command
                .current_dir(std::env::temp_dir())
                .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{port}"))
                .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
                .env("RINGBACK_STORE__URL", redis)
                .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
                .env("RINGBACK_TIMEOUTS__RINGING_MS", "1000");
            command
        };
        Self::start(node, "admin")
    }

    /// Two floors.
    pub(crate) fn floors() -> Self {
        let node = |port: u16, _: u16, redis: &str| {
            let mut command = tool();
            command.args(["floor", "--listen", &format!("127.0.0.1:{port}"), "--redis", redis]);
            command
        };
        Self::start(node, "client")
    }

    /// Sends Redis one command, which it has to take.
    pub(crate) fn tell_redis(&self, command: &str) {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.redis)).unwrap());
        write!(stream.get_mut(), "{command}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).unwrap();
        assert_eq!(answer, "+OK\r\n", "{command}");
    }

    /// Of the nodes only so many are targets.
    pub(crate) fn with_targets(mut self, targets: usize) -> Self {
        self.targets.truncate(targets);
        self
    }

    /// The processes: Redis, then the nodes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.parts.iter().map(|part| part.0.id()).collect()
    }

    /// How users connect, as flags.
    pub(crate) fn flags(&self) -> Vec<String> {
        let targets = self.targets.iter().flat_map(|target| ["--target".to_owned(), target.clone()]);
        targets.chain(["--hs256-secret".to_owned(), SECRET.to_owned()]).collect()
    }

    /// A scenario as a file.
    pub(crate) fn scenario(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{}.toml", free_port()));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A run of it that has not begun yet; its report goes to `<json>`.
    pub(crate) fn command(&self, scenario: &str, json: &Path) -> Command {
        let mut command = tool();
        command.arg("run").arg(self.scenario(scenario)).arg("--json").arg(json);
        command.args(self.flags());
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, scenario: &str) -> Run {
        let json = self.folder.path().join("report.json");
        let output = self.command(scenario, &json).output().unwrap();
        Run {
            code: output.status.code(),
            said: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            report: report(&json),
        }
    }
}

/// What a report file says; null if there is none.
pub(crate) fn report(json: &Path) -> Value {
    std::fs::read_to_string(json).map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

/// A run that is over.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
    pub(crate) report: Value,
}

impl Run {
    /// How many of these there were.
    pub(crate) fn count(&self, name: &str) -> u64 {
        count(&self.report, name)
    }

    /// It passed, and this is its report.
    pub(crate) fn passed(self) -> Self {
        assert_eq!((self.code, &self.report["passed"]), (Some(0), &Value::Bool(true)), "{}", self.said);
        self
    }
}

/// How many of these a report has.
pub(crate) fn count(report: &Value, name: &str) -> u64 {
    report["found"]["counts"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// The program under test, with nothing of Ringback's in its environment.
pub(crate) fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback-loadtest"));
    for name in ["AUTH__HS256_SECRET", "LOADTEST_REDIS", "STORE__USERNAME", "STORE__PASSWORD"] {
        command.env_remove(format!("RINGBACK_{name}"));
    }
    command
}

/// `debug/ringback-gateway` in the target folder, unless `RINGBACK_GATEWAY` names another.
pub(crate) fn gateway() -> PathBuf {
    let named = std::env::var_os("RINGBACK_GATEWAY").map(PathBuf::from);
    let built = || {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
        target.join("debug/ringback-gateway")
    };
    let program = std::path::absolute(named.unwrap_or_else(built)).unwrap();
    assert!(program.is_file(), "no gateway at {}: cargo build -p ringback-gateway", program.display());
    program
}
