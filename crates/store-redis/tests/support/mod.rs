//! Real Redis servers, on free loopback ports, in directories of their own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs::File,
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ringback_call::CallId;
use ringback_store::Partition;
use tempfile::TempDir;

/// What a Sentinel calls the one it watches over.
pub(crate) const SERVICE: &str = "calls";

const PATIENCE: Duration = Duration::from_secs(20);

/// One `redis-server`. It ends when this is dropped, and also when this process dies without a word.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The port of the cluster's bus, if it is in one.
    bus: Option<u16>,
    /// More arguments.
    more: Vec<String>,
    /// A Sentinel's file.
    config: Option<String>,
    keeper: Option<Child>,
    dir: TempDir,
}

/// What the documented user of gateways may do, as `ACL SETUSER` has it.
pub(crate) fn rules_of_gateways() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/redis/users.acl");
    let users = std::fs::read_to_string(file).unwrap();
    let rules =
        users.lines().find_map(|line| line.strip_prefix("user ringback on #RINGBACK_PASSWORD_SHA256 "));
    rules.unwrap().to_owned()
}

/// Ends the server once nobody holds the other end of its input any more.
const KEEPER: &str = r#"redis-server "$@" </dev/null & server=$!; read -r _; kill -9 $server; wait $server"#;

impl Server {
    /// A standalone one that answers.
    pub(crate) fn start() -> Self {
        let mut server = Self::at_rest();
        server.run();
        server
    }

    /// One with these arguments, words separated by spaces, that answers.
    pub(crate) fn with(more: &str) -> Self {
        let mut server = Self::at_rest();
        server.more = more.split(' ').map(str::to_owned).collect();
        server.run();
        server
    }

    /// A port at which one can be started later.
    pub(crate) fn at_rest() -> Self {
        Self {
            port: free_port(),
            bus: None,
            more: Vec::new(),
            config: None,
            keeper: None,
            dir: TempDir::new().unwrap(),
        }
    }

    /// One that is to be a part of a cluster.
    fn member() -> Self {
        let mut server = Self::at_rest();
        server.bus = Some(free_port());
        server.run();
        server
    }

    /// One that copies another.
    pub(crate) fn replica_of(primary: &Self) -> Self {
        let mut server = Self::at_rest();
        server.more = ["--replicaof", "127.0.0.1", &primary.port.to_string()].map(str::to_owned).to_vec();
        server.more.extend(["--repl-diskless-sync-delay", "0"].map(str::to_owned));
        server.run();
        server.wait_until("INFO replication", "master_link_status:up");
        server
    }

    /// A Sentinel that watches over one, by itself, and has it for lost after half a second.
    pub(crate) fn sentinel_of(primary: &Self) -> Self {
        Self::sentinel_with(primary, "")
    }

    /// One with more in its file.
    pub(crate) fn sentinel_with(primary: &Self, more: &str) -> Self {
        let mut server = Self::at_rest();
        let watched = format!(
            "sentinel monitor {SERVICE} 127.0.0.1 {} 1\nsentinel down-after-milliseconds {SERVICE} 500\n\
             sentinel failover-timeout {SERVICE} 2000\n{more}",
            primary.port
        );
        let config = server.dir.path().join("sentinel.conf");
        std::fs::write(&config, watched).unwrap();
        server.config = Some(config.display().to_string());
        server.run();
        server.wait_until(&format!("SENTINEL REPLICAS {SERVICE}"), "127.0.0.1");
        server
    }

    /// Starts the process, at another port if somebody has just taken ours.
    pub(crate) fn run(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.try_run(end) {
            self.kill();
            self.port = free_port();
        }
    }

    fn try_run(&mut self, end: Instant) -> bool {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok(), "these tests need redis-server 7 (Debian: apt-get install redis-server)");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).args(&self.config);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        if self.config.is_some() {
            command.arg("--sentinel");
        } else {
            command.args(["--save", "", "--appendonly", "no"]).args(&self.more);
        }
        command.args(["--dir", &self.dir.path().display().to_string()]);
        if let Some(bus) = self.bus {
            command.args(["--cluster-enabled", "yes", "--cluster-node-timeout", "3000"]);
            command.args(["--cluster-require-full-coverage", "no", "--cluster-config-file", "nodes.conf"]);
            // Its default, 10000 more, may be too great.
            command.args(["--cluster-port", &bus.to_string()]);
        }
        let log = File::create(self.dir.path().join("log")).unwrap();
        self.keeper = Some(command.stdin(Stdio::piped()).stdout(log).stderr(Stdio::null()).spawn().unwrap());
        // Its own word, not an answer at the port: that could be somebody else's.
        loop {
            let log = self.log();
            if log.contains("Ready to accept connections") || log.contains("Sentinel ID is") {
                return true;
            }
            if log.contains("Failed listening") || log.contains("Could not create server TCP") {
                return false;
            }
            assert!(Instant::now() < end, "redis-server did not start:\n{log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the process, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command, words separated by spaces, and returns the lines of the answer.
    pub(crate) fn ask(&self, command: &str) -> Vec<String> {
        self.ask_words(&command.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn ask_words(&self, words: &[&str]) -> Vec<String> {
        try_ask(self.port, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Waits until this replica has all that its primary has now. `WAIT` would not do: it waits for what its own
    /// connection has written.
    pub(crate) fn catches_up_with(&self, primary: &Self) {
        let now = primary.offset("master_repl_offset");
        let end = Instant::now() + PATIENCE;
        while self.offset("slave_repl_offset") < now {
            assert!(Instant::now() < end, "a replica stays behind");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn offset(&self, field: &str) -> u64 {
        let info = self.ask("INFO replication");
        let value = info.iter().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {field}: {info:?}"))
    }

    /// Waits until an answer contains this.
    pub(crate) fn wait_until(&self, command: &str, expected: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = try_ask(self.port, &command.split(' ').collect::<Vec<_>>());
            if answer.as_ref().is_ok_and(|lines| lines.iter().any(|line| line.contains(expected))) {
                return;
            }
            assert!(Instant::now() < end, "{command} gave {answer:?}\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three primaries with a third of the slots each.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let servers: Vec<Server> = (0..3).map(|_| Server::member()).collect();
        for (server, (first, last)) in servers.iter().zip([(0, 5460), (5461, 10922), (10923, 16383)]) {
            server.ask(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        // An epoch each from the start, or they would settle on one after the other, a collision at a time.
        for (epoch, server) in (1..).zip(&servers) {
            server.ask(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
        }
        // Each meets each: to hear of one another from a third takes them a second.
        for (n, server) in servers.iter().enumerate() {
            for Server { port, bus, .. } in &servers[n + 1..] {
                let bus = bus.unwrap();
                server.ask(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
            }
        }
        // Two seconds, at least: as long as a primary that has just started accepts no writes.
        for server in &servers {
            server.wait_until("CLUSTER INFO", "cluster_state:ok");
            server.wait_until("CLUSTER INFO", "cluster_slots_assigned:16384");
            server.wait_until("CLUSTER INFO", "cluster_known_nodes:3");
        }
        Self { servers }
    }

    /// Gives one of the primaries a replica.
    pub(crate) fn add_replica(&mut self, of: usize) {
        let replica = Server::member();
        let Server { port, bus: Some(bus), .. } = replica else { panic!("no member of a cluster") };
        self.servers[of].ask(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        let id = self.servers[of].ask("CLUSTER MYID").remove(0);
        replica.wait_until("CLUSTER NODES", &id);
        replica.ask(&format!("CLUSTER REPLICATE {id}"));
        replica.wait_until("INFO replication", "master_link_status:up");
        for server in &self.servers {
            server.wait_until("CLUSTER NODES", "slave");
        }
        self.servers.push(replica);
    }

    /// Which of the three had a call's slot at the start.
    pub(crate) fn owner_of(&self, call: &CallId) -> usize {
        let tag = call.as_str().split('-').next().unwrap();
        usize::from(self.slot_of(tag)) * 3 / 16_384
    }

    fn slot_of(&self, tag: &str) -> u16 {
        self.servers[0].ask(&format!("CLUSTER KEYSLOT {tag}"))[0].parse().unwrap()
    }

    /// Moves a partition's slot and its keys, as `redis-cli --cluster reshard` does.
    pub(crate) fn move_partition(&self, partition: Partition, from: usize, to: usize) {
        let slot = self.slot_of(&partition.to_string());
        let [from, to] = [from, to].map(|n| &self.servers[n]);
        let [from_id, to_id] = [from, to].map(|server| server.ask("CLUSTER MYID").remove(0));
        to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}"));
        from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}"));
        loop {
            let keys = from.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 10"));
            if keys.is_empty() {
                break;
            }
            let port = to.port.to_string();
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "1000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            from.ask_words(&words);
        }
        for server in [to, from] {
            server.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}"));
        }
    }

    pub(crate) fn url(&self) -> String {
        let ports: Vec<u16> = self.servers.iter().map(|server| server.port).collect();
        format!(
            "redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}&node=127.0.0.1:{}",
            ports[0], ports[1], ports[2]
        )
    }
}

/// Below the ports that the system gives to connections, so that none of them takes it meanwhile.
fn free_port() -> u16 {
    for _ in 0..1_000 {
        let port = fastrand::u16(10_000..30_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 10000 and 30000");
}

/// Enough of RESP2 for tests: any answer as lines, the nesting left out.
fn try_ask(port: u16, words: &[&str]) -> std::io::Result<Vec<String>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut lines = Vec::new();
    read_answer(&mut BufReader::new(stream), &mut lines)?;
    Ok(lines)
}

fn read_answer(reader: &mut impl BufRead, lines: &mut Vec<String>) -> std::io::Result<()> {
    let mut head = String::new();
    reader.read_line(&mut head)?;
    let head = head.trim_end();
    let Some((kind, rest)) = head.split_at_checked(1) else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    match (kind, rest.parse::<i64>()) {
        ("$", Ok(length)) if length >= 0 => {
            let mut body = vec![0; usize::try_from(length).unwrap() + 2];
            reader.read_exact(&mut body)?;
            body.truncate(body.len() - 2);
            lines.extend(String::from_utf8_lossy(&body).lines().map(str::to_owned));
        }
        ("*", Ok(count)) => {
            for _ in 0..count {
                read_answer(reader, lines)?;
            }
        }
        ("-", _) => return Err(std::io::Error::other(rest.to_owned())),
        _ => lines.push(rest.to_owned()),
    }
    Ok(())
}
