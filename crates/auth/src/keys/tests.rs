use super::*;

#[test]
fn keys_of_the_settings_have_a_name_and_are_long_enough() {
    let secret = "0123456789abcdef0123456789abcdef";
    let read =
        |text: String| KeySet::read(&text).map(|keys| (keys.0[0].id.clone(), keys.0[0].tenant.clone()));
    assert_eq!(read(format!("k1={secret}")), Ok((Some("k1".to_owned()), None)));
    assert_eq!(read(format!("acme/k1={secret}==")), Ok((Some("k1".to_owned()), TenantId::new("acme").ok())));
    for bad in [
        format!("={secret}"),
        secret.to_owned(),
        "k1=short".to_owned(),
        format!("a b/k={secret}"),
        String::new(),
    ] {
        assert_eq!(read(bad.clone()), Err(NotAKey), "{bad}");
    }
    assert!(!format!("{:?}", KeySet::read(&format!("k1={secret}"))).contains(secret));
    assert!(!NotAKey.to_string().contains(secret));
}
