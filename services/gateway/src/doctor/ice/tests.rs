use super::*;
use crate::doctor::Level;

#[test]
fn a_relay_has_to_be_reached_from_where_its_server_is() {
    let found = |server: &str, address: &str, open| {
        let relay = Relay { address: Some(address.parse().unwrap()), open };
        judge("turn:x", server.parse().unwrap(), &relay).level
    };
    assert_eq!(found("203.0.113.7", "203.0.113.7", false), Level::Ok);
    assert_eq!(found("203.0.113.7", "10.0.0.7", false), Level::Warning);
    assert_eq!(found("10.0.0.7", "10.0.0.7", false), Level::Ok);
    assert_eq!(found("203.0.113.7", "203.0.113.7", true), Level::Warning);
}

#[tokio::test]
async fn what_is_not_configured_is_no_failure() {
    let found = look(&IceServers::default(), Timestamp(0)).await;
    assert!(found.iter().all(|finding| finding.level == Level::Note), "{found:?}");
}

#[tokio::test]
async fn what_speaks_another_protocol_is_told() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("stun:{}?transport=tcp", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        stream
    });
    let found = stun(&url).await;
    assert_eq!(found.level, Level::Failure);
    assert!(found.says.contains("speaks no STUN"), "{found}");
    drop(server.await);
}
