//! Where secrets are not: in what a gateway logs, answers, and can be seen to run with.

use std::path::Path;

use ringback_tests::client::{Client, Seat};
use ringback_tests::codec::Codec;
use ringback_tests::flow::{end, set_up};
use ringback_tests::gateway;
use ringback_tests::http;
use ringback_tests::patience::{START, eventually};
use ringback_tests::ports::free_port;
use ringback_tests::process::Process;
use ringback_tests::receiver::{Mood, Receiver, SECRET as HOOKS};
use ringback_tests::redis::Redis;
use ringback_tests::resp::ask;
use ringback_tests::token::{self, SECRET as TOKENS};
use ringback_tests::users::{GATEWAY, PASSWORD};
use serde_json::json;
use tempfile::TempDir;

const TURN: &str = "what TURN servers share with these tests";
const OLD_TOKENS: &str = "a secret that signed tokens until it was changed";
const SENTINELS: &str = "the-password-at-sentinels";

/// All that nobody is to see.
const ALL: [&str; 6] = [TOKENS, OLD_TOKENS, TURN, HOOKS, PASSWORD, SENTINELS];

/// Nothing of them, as they are or as they are signed with.
#[track_caller]
fn knows_nothing(text: &str, whose: &str) {
    for secret in ALL {
        let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
        assert!(!text.contains(bare), "{whose} has {secret:?}: {text}");
    }
}

/// The settings that name files in this folder, with what is in them.
fn files(dir: &Path) -> Vec<(&'static str, String)> {
    let keys = format!("old={OLD_TOKENS}\n");
    let hooks = format!("{HOOKS}\n");
    [
        ("AUTH__HS256_SECRET_FILE", TOKENS),
        ("AUTH__HS256_KEYS_FILE", &keys),
        ("TURN__SECRET_FILE", TURN),
        ("WEBHOOKS__SECRETS_FILE", &hooks),
        ("POLICY__SECRETS_FILE", &hooks),
        ("STORE__PASSWORD_FILE", PASSWORD),
    ]
    .into_iter()
    .map(|(setting, secret)| {
        let path = dir.join(setting.to_lowercase());
        std::fs::write(&path, format!("{secret}\n")).expect("a file");
        (setting, path.display().to_string())
    })
    .collect()
}

/// What `words` print, all of it.
async fn printed(words: &[&str], settings: &[(&str, String)]) -> String {
    let mut command = gateway::command().expect("a gateway");
    command.args(words);
    for (name, value) in settings {
        command.env(format!("RINGBACK_{name}"), value);
    }
    let ended = tokio::process::Command::from(command).output().await.expect("it starts");
    format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}

async fn join(user: &str, port: u16) -> Client {
    let seat = Seat {
        user: user.to_owned(),
        device: None,
        port,
        codec: Codec::Json,
        token: token::good(user),
        names_protocol: true,
    };
    let client = Client::open(seat).await.expect("a connection");
    client.hello(json!({})).await.expect("it is greeted");
    client
}

pub(super) async fn secrets_are_nowhere_to_be_seen() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    let redis = Redis::start(dir).await.expect("Redis");
    let (events, policy) = (Receiver::start(), Receiver::start());
    policy.is(Mood::Says(r#"{"allow":true}"#));
    let (port, admin) = (free_port(), free_port());
    let mut settings = files(dir);
    settings.extend([
        ("SERVER__LISTEN", format!("127.0.0.1:{port}")),
        ("ADMIN__LISTEN", format!("127.0.0.1:{admin}")),
        ("STORE__URL", format!("redis://127.0.0.1:{}", redis.port())),
        ("STORE__USERNAME", GATEWAY.to_owned()),
        ("TURN__URLS", "turn:127.0.0.1:3478".to_owned()),
        ("WEBHOOKS__URL", events.url()),
        ("POLICY__URL", policy.url()),
        ("LOG__FILTER", "trace".to_owned()),
    ]);
    let mut command = gateway::command().expect("a gateway");
    for (name, value) in &settings {
        command.env(format!("RINGBACK_{name}"), value);
    }
    let process = Process::spawn("gateway-secrets", command, dir).expect("it starts");
    let ready = async || matches!(http::get(admin, "/readyz").await, Ok((200, _))).then_some(());
    assert!(eventually(START, ready).await.is_some(), "{}", process.tail(40));

    // Everything that uses them: tokens, TURN credentials, Redis, the policy and the webhook; a token that is refused, and a
    // connection to Redis that is lost.
    let (alice, bob) = (join("alice", port).await, join("bob", port).await);
    assert!(alice.welcome()["ice_servers"][0]["credential"].is_string(), "{}", alice.welcome());
    let call = set_up(&alice, &bob).await;
    ask(redis.port(), "CLIENT KILL TYPE normal").await.expect("the harness may");
    end(&alice, &[&bob], &call, "hangup").await;
    events.hears(START, &call, &["call.ended"]).await;
    assert!(!policy.got().is_empty(), "the policy was asked");
    let (status, _) =
        http::get_as(port, &format!("/v1/calls/{call}"), &token::forged("alice")).await.expect("an answer");
    assert_eq!(status, 401);

    let mut answers = 0;
    let of_call = [format!("/v1/calls/{call}"), format!("/v1/calls/{call}/timeline")];
    let paths = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/log",
        "/",
        "/operations.css",
        "/operations.js",
        "/v1/calls",
        "/v1/users/alice/calls",
        "/v1/users/alice/log",
        "/v1/events",
        "/v1/events/dead",
    ];
    for path in paths.iter().copied().chain(of_call.iter().map(String::as_str)) {
        let (status, text) = http::get(admin, path).await.expect("an answer");
        assert_eq!(status, 200, "{path}: {text}");
        knows_nothing(&text, path);
        answers += 1;
    }
    assert_eq!(answers, 14);
    for what in ["cmdline", "environ"] {
        let seen = std::fs::read(format!("/proc/{}/{what}", process.pid())).expect("a process");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(seen.contains("ringback"), "{what}");
        knows_nothing(&seen, what);
    }
    for words in [&["check-config"] as &[_], &["doctor"], &["doctor", "--json"], &["token", "alice"]] {
        let told = printed(words, &settings).await;
        assert!(!told.is_empty(), "{words:?}");
        knows_nothing(&told, &words.join(" "));
    }
    process.sigterm().expect("it is told");
    drop((alice, bob));
    assert!(process.wait(START).await.is_some_and(|ended| ended.success()), "{}", process.tail(40));
    let log = process.output();
    assert!(log.contains("TRACE"), "it tells all it knows");
    knows_nothing(&log, "the log");
}

pub(super) async fn a_wrong_secret_is_not_told() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    let mut settings = files(dir);
    let sentinels = dir.join("sentinels");
    std::fs::write(&sentinels, SENTINELS).expect("a file");
    settings.push(("STORE__SENTINEL_PASSWORD_FILE", sentinels.display().to_string()));
    settings.push(("STORE__URL", "redis-sentinel://127.0.0.1:1?sentinelServiceName=x".to_owned()));
    settings.extend([("WEBHOOKS__URL", "https://a".to_owned()), ("POLICY__URL", "https://b".to_owned())]);
    settings.push(("TURN__URLS", "turn:c".to_owned()));
    let sound = printed(&["check-config"], &settings).await;
    assert!(sound.contains("the settings are sound"), "{sound}");
    assert!(sound.contains("store.sentinel_password_file = "), "{sound}");
    knows_nothing(&sound, "check-config");

    // Each of them is wrong in some way.
    let wrong = [
        ("AUTH__HS256_SECRET_FILE", &TOKENS[..8]),
        ("AUTH__HS256_KEYS_FILE", OLD_TOKENS),
        ("WEBHOOKS__SECRETS_FILE", &HOOKS[6..30]),
        ("POLICY__SECRETS_FILE", &HOOKS[6..30]),
    ];
    for (setting, secret) in wrong {
        std::fs::write(dir.join(setting.to_lowercase()), secret).expect("a file");
    }
    let told = printed(&["check-config"], &settings).await;
    for key in ["auth.hs256_secret", "auth.hs256_keys", "webhooks.secrets", "policy.secrets"] {
        assert!(told.contains(&format!("- {key}: ")), "{key}: {told}");
    }
    for (_, secret) in wrong {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    settings.push(("TURN__SECRET", TURN.to_owned()));
    let twice = printed(&["check-config"], &settings).await;
    assert!(twice.contains("turn.secret_file: and turn.secret: only one of them"), "{twice}");
    knows_nothing(&twice, "check-config");
}
