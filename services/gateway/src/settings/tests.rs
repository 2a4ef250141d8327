use std::io::Write;

use super::*;

fn load(environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    load_with(None, environment, Vec::new())
}

fn load_with(
    file: Option<&Path>,
    environment: &[(&str, &str)],
    overrides: Overrides,
) -> Result<Settings, Problems> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (raw, problems) = source::load(file, environment, overrides)?.into_raw()?;
    check::check(raw, problems)
}

const SECRET: (&str, &str) = ("RINGBACK_AUTH__HS256_SECRET", "0123456789abcdef0123456789abcdef");

#[test]
fn the_defaults_are_those_of_the_rules_and_the_protocol() {
    let settings = load(&[SECRET]).unwrap();
    assert_eq!(settings.node.rules, Rules::default());
    assert_eq!(settings.node.frames, ringback_wire::Limits::default());
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert!(settings.node.name.as_str().starts_with("gw-"));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[node]\nid = \"file\"\n[timeouts]\nringing_ms = 1\nconnecting_ms = 2\nidle_ms = 3")
        .unwrap();
    let settings = load_with(
        Some(file.path()),
        &[SECRET, ("RINGBACK_TIMEOUTS__RINGING_MS", "10"), ("RINGBACK_TIMEOUTS__CONNECTING_MS", "20")],
        vec![("timeouts.ringing_ms", "100".to_owned())],
    )
    .unwrap();
    let timeouts = settings.node.rules.timeouts;
    assert_eq!((timeouts.ringing_ms, timeouts.connecting_ms, timeouts.idle_ms), (100, 20, 3));
    assert_eq!(settings.node.name.as_str(), "file");
}

#[test]
fn a_file_that_is_no_toml_is_not_repeated() {
    for text in [
        "[auth]\nhs256_secret = \"sesame",
        "[auth]\nhs256_secret = sesame\n",
        "[auth]\nhs256_secret = \"sesame\"\nhs256_secret = \"sesame\"\n",
        "[auth]\nsesame\n",
        "[auth]\nhs256_keys = [\"k=sesame\"",
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{text}").unwrap();
        let problems = load_with(Some(file.path()), &[], Vec::new()).unwrap_err().to_string();
        assert!(!problems.contains("sesame"), "{problems}");
        assert!(problems.contains("line "), "{problems}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let Problems(problems) = load(&[
        ("RINGBACK_TIMEOUTS__RINGING_MS", "soon"),
        ("RINGBACK_SERVER__LISTN", "127.0.0.1:1"),
        ("RINGBACK_AUTH__DEV", "perhaps"),
        ("RINGBACK_NOWHERE__X", "1"),
        ("RINGBACK_SERVER__LISTEN", "here"),
        ("RINGBACK_STORE__URL", "http://x"),
        ("RINGBACK_CALLS__BUSY", "maybe"),
        ("RINGBACK_LIMITS__SDP_BYTES", "70000"),
    ])
    .unwrap_err();
    let shape = ["timeouts.ringing_ms", "server.listn", "auth.dev", "nowhere"];
    let sense = ["server.listen", "store.url", "calls.busy", "limits.frame_bytes", "auth.hs256_secret"];
    for key in shape.into_iter().chain(sense) {
        assert!(problems.iter().any(|problem| problem.starts_with(key)), "{key} in {problems:?}");
    }
}

#[test]
fn development_stays_on_this_machine_unless_forced() {
    let public = [("RINGBACK_AUTH__DEV", "true"), ("RINGBACK_SERVER__LISTEN", "0.0.0.0:8080")];
    assert!(load(&public).unwrap_err().0[0].starts_with("auth.dev"));
    assert!(load(&[public[0], public[1], ("RINGBACK_AUTH__DEV_ANYWHERE", "true")]).is_ok());
    assert!(load(&public[..1]).is_ok());
}

#[test]
fn a_password_in_the_store_s_address_does_not_print() {
    let settings = load(&[SECRET, ("RINGBACK_STORE__URL", "redis://user:hidden@127.0.0.1:1")]).unwrap();
    assert!(!format!("{settings:?}").contains("hidden"));
}

#[test]
fn a_replica_is_not_to_be_had_in_memory() {
    let replicated = ("RINGBACK_STORE__DURABILITY", "replicated");
    assert!(load(&[SECRET, replicated]).unwrap_err().0[0].starts_with("store.durability"));
    assert!(load(&[SECRET, replicated, ("RINGBACK_STORE__URL", "redis://127.0.0.1:1")]).is_ok());
}

#[test]
fn a_list_in_the_environment_is_separated_by_commas() {
    let settings = load(&[SECRET, ("RINGBACK_ICE__URLS", "stun:a:1, stun:b:2")]).unwrap();
    assert_eq!(settings.node.ice.stun, ["stun:a:1", "stun:b:2"]);
}

#[test]
fn turn_servers_come_with_their_secret() {
    let (urls, secret) = (("RINGBACK_TURN__URLS", "turn:a:1"), ("RINGBACK_TURN__SECRET", "north"));
    assert!(load(&[SECRET, urls]).unwrap_err().0[0].starts_with("turn.secret"));
    assert!(load(&[SECRET, secret]).unwrap_err().0[0].starts_with("turn.urls"));
    assert!(
        load(&[SECRET, secret, ("RINGBACK_TURN__URLS", "stun:a:1")]).unwrap_err().0[0]
            .starts_with("turn.urls")
    );
    assert!(
        load(&[SECRET, urls, secret, ("RINGBACK_TURN__TTL_MS", "1000")]).unwrap_err().0[0]
            .starts_with("turn.ttl")
    );
    let settings = load(&[SECRET, urls, secret]).unwrap();
    assert!(!format!("{settings:?}").contains("north"));
    assert_eq!(settings.node.ice.turn.unwrap().urls, ["turn:a:1"]);
}

#[test]
fn a_trace_collector_is_named_in_full_or_not_at_all() {
    let endpoint = ("RINGBACK_TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:4317");
    assert!(load(&[SECRET]).unwrap().traces.is_none());
    assert!(load(&[SECRET, endpoint]).unwrap().traces.is_some());
    for (name, value, key) in [
        ("RINGBACK_TELEMETRY__OTLP_ENDPOINT", "127.0.0.1:4317", "telemetry.otlp_endpoint"),
        ("RINGBACK_TELEMETRY__OTLP_ENDPOINT", "https://collector:4317", "telemetry.otlp_endpoint"),
        ("RINGBACK_TELEMETRY__OTLP_PROTOCOL", "thrift", "telemetry.otlp_protocol"),
        ("RINGBACK_TELEMETRY__SAMPLE_PERCENT", "101", "telemetry.sample_percent"),
    ] {
        let Problems(problems) = load(&[SECRET, (name, value)]).unwrap_err();
        assert!(problems[0].starts_with(key), "{problems:?}");
    }
}

#[test]
fn a_log_of_calls_has_bounds_and_may_be_left_out() {
    let log = load(&[SECRET]).unwrap().node.keep.log;
    assert_eq!((log.entries, log.age_ms), (100, 30 * 86_400_000));
    assert_eq!(load(&[SECRET, ("RINGBACK_CALLS__LOG_ENTRIES", "0")]).unwrap().node.keep.log.entries, 0);
    // Longer than 2^32 ms.
    let quarter = load(&[SECRET, ("RINGBACK_CALLS__LOG_TTL_MS", "7776000000")]).unwrap().node.keep.log;
    assert_eq!(quarter.age_ms, 7_776_000_000);
    for (name, value, key) in [
        ("RINGBACK_CALLS__LOG_ENTRIES", "1001", "calls.log_entries"),
        ("RINGBACK_CALLS__LOG_TTL_MS", "599999", "calls.log_ttl_ms"),
    ] {
        let Problems(problems) = load(&[SECRET, (name, value)]).unwrap_err();
        assert!(problems[0].starts_with(key), "{problems:?}");
    }
}

#[test]
fn a_webhook_comes_with_its_secret_and_neither_prints() {
    let url = ("RINGBACK_WEBHOOKS__URL", "https://hooks.example.org/ringback?key=hidden");
    let secret = ("RINGBACK_WEBHOOKS__SECRETS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert!(load(&[SECRET]).unwrap().webhooks.is_none());
    let settings = load(&[SECRET, url, secret]).unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hidden") && !shown.contains("MfKQ"), "{shown}");
    let webhooks = settings.webhooks.unwrap();
    assert_eq!((webhooks.secrets.len(), webhooks.terms.attempts), (1, 32));
    assert!(load(&[SECRET, url]).unwrap_err().0[0].starts_with("webhooks.secrets"));
    assert!(load(&[SECRET, secret]).unwrap_err().0[0].starts_with("webhooks.url"));
    for (name, value, key) in [
        ("RINGBACK_WEBHOOKS__URL", "ftp://hooks.example.org/", "webhooks.url"),
        ("RINGBACK_WEBHOOKS__URL", "hooks.example.org", "webhooks.url"),
        ("RINGBACK_WEBHOOKS__URL", "https://me:hidden@hooks.example.org/", "webhooks.url"),
        ("RINGBACK_WEBHOOKS__SECRETS", "hidden", "webhooks.secrets"),
        ("RINGBACK_WEBHOOKS__TIMEOUT_MS", "0", "webhooks.timeout_ms"),
        ("RINGBACK_WEBHOOKS__CONCURRENCY", "2000", "webhooks.concurrency"),
        ("RINGBACK_WEBHOOKS__LONGEST_PAUSE_MS", "1", "webhooks.longest_pause_ms"),
        ("RINGBACK_EVENTS__TYPES", "call.ended,call.lost", "events.types"),
        ("RINGBACK_EVENTS__TYPES", "", "events.types"),
        ("RINGBACK_EVENTS__KEEP_MS", "1000", "events.keep_ms"),
        ("RINGBACK_EVENTS__MOST", "6000", "events.most"),
        ("RINGBACK_WEBHOOKS__DEAD_MOST", "500", "webhooks.dead_most"),
    ] {
        let Problems(problems) = load(&[SECRET, url, secret, (name, value)]).unwrap_err();
        assert!(problems[0].starts_with(key) && !problems[0].contains("hidden"), "{problems:?}");
    }
}

#[test]
fn the_ends_of_calls_are_kept_unless_told_otherwise() {
    let events = load(&[SECRET]).unwrap().node.events;
    let defaults = ringback_node::config::Events::default();
    assert_eq!((&events.types, events.retention), (&defaults.types, defaults.retention));
    assert!(load(&[SECRET, ("RINGBACK_EVENTS__TYPES", "")]).unwrap().node.events.types.is_empty());
}

#[test]
fn redis_is_told_once_who_we_are() {
    let problem = |store: &[(&str, &str)]| {
        let all: Vec<_> = [&[SECRET], store].concat();
        load(&all).err().map(|Problems(problems)| problems.join("; "))
    };
    let url = ("RINGBACK_STORE__URL", "rediss-cluster://h:1?node=h:2");
    let password = ("RINGBACK_STORE__PASSWORD", "sesame");
    assert_eq!(problem(&[url, password]), None);
    let twice = problem(&[("RINGBACK_STORE__URL", "redis://u:p@h:1"), password]).unwrap();
    assert!(twice.contains("store.password") && !twice.contains("sesame"), "{twice}");
    for url in [
        "redis://u@h:1",
        "redis-sentinel://u:p@h:1?sentinelServiceName=x",
        // It does not say what they watch over.
        "redis-sentinel://h:1",
        "memory:",
    ] {
        let wrong = problem(&[("RINGBACK_STORE__URL", url), password]).unwrap();
        assert!(wrong.starts_with("store.url") && !wrong.contains("sesame"), "{wrong}");
    }
    let watcher = ("RINGBACK_STORE__SENTINEL_PASSWORD", "sesame");
    let sentinels = "rediss-sentinel://h:1?sentinelServiceName=x";
    assert_eq!(problem(&[("RINGBACK_STORE__URL", sentinels), password, watcher]), None);
    for (key, value) in [url, ("RINGBACK_STORE__URL", &format!("{sentinels}&sentinelPassword=p"))] {
        let wrong = problem(&[(key, value), watcher]).unwrap();
        assert!(wrong.contains("store.url") && !wrong.contains("sesame"), "{wrong}");
    }
    let nameless = problem(&[url, ("RINGBACK_STORE__SENTINEL_USERNAME", "u")]).unwrap();
    assert!(nameless.contains("store.sentinel_username: needs a password"), "{nameless}");
}

#[test]
fn a_certificate_has_a_key() {
    let cert = ("RINGBACK_SERVER__TLS_CERT", "port.crt");
    let one = |problem: &str| Problems(vec![problem.to_owned()]);
    let wrong = load(&[SECRET, cert]).unwrap_err();
    assert_eq!(wrong, one("server.tls_key: is needed with server.tls_cert"));
    let admin = ("RINGBACK_ADMIN__TLS_KEY", "port.key");
    let wrong = load(&[SECRET, admin]).unwrap_err();
    assert_eq!(wrong, one("admin.tls_cert: is needed with admin.tls_key"));
    // What is in the files is read by who needs it: they may be away where settings are only looked at.
    let settings = load(&[SECRET, cert, ("RINGBACK_SERVER__TLS_KEY", "port.key")]).unwrap();
    assert!(settings.tls.is_some() && settings.admin_tls.is_none());
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let hidden = "hidden-hidden-hidden-hidden-hidden";
    let hook = "whsec_aGlkZGVuaGlkZGVuaGlkZGVuaGlkZGVu";
    let keys = format!("old={hidden}");
    let settings = load(&[
        ("RINGBACK_AUTH__HS256_SECRET", hidden),
        ("RINGBACK_AUTH__HS256_KEYS", &keys),
        ("RINGBACK_STORE__URL", "redis-sentinel://h:1?sentinelServiceName=x"),
        ("RINGBACK_STORE__PASSWORD", hidden),
        ("RINGBACK_STORE__SENTINEL_PASSWORD", hidden),
        ("RINGBACK_TURN__URLS", "turn:t"),
        ("RINGBACK_TURN__SECRET", hidden),
        ("RINGBACK_WEBHOOKS__URL", "https://h/hidden"),
        ("RINGBACK_WEBHOOKS__SECRETS", hook),
        ("RINGBACK_POLICY__URL", "https://p/hidden"),
        ("RINGBACK_POLICY__SECRETS", hook),
    ])
    .unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hidden") && !shown.contains("aGlkZGVu"), "{shown}");
    // As numbers, too.
    assert!(!shown.contains("104, 105, 100, 100, 101, 110"), "{shown}");
}
