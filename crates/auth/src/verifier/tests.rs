use jsonwebtoken::{EncodingKey, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::*;
use crate::Scope;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const SOON: u64 = 1_790_000_060;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";

const RSA: &[u8] = include_bytes!("../../tests/keys/rsa-2048.der");
const WEAK: &[u8] = include_bytes!("../../tests/keys/rsa-1024.der");
const EC: &[u8] = include_bytes!("../../tests/keys/ec-p256.der");
const ED: &[u8] = include_bytes!("../../tests/keys/ed25519.der");
const ED_OTHER: &[u8] = include_bytes!("../../tests/keys/ed25519-other.der");

fn signer(algorithm: Algorithm, key: &[u8]) -> EncodingKey {
    match algorithm {
        Algorithm::RS256 | Algorithm::RS512 => EncodingKey::from_rsa_der(key),
        Algorithm::ES256 => EncodingKey::from_ec_der(key),
        Algorithm::EdDSA => EncodingKey::from_ed_der(key),
        _ => EncodingKey::from_secret(key),
    }
}

fn sign(algorithm: Algorithm, key: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, &signer(algorithm, key)).unwrap()
}

fn good() -> Value {
    json!({"sub": "alice", "exp": SOON})
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = good();
    claims[key] = value;
    claims
}

/// The public half, as a JWK set has it.
pub(crate) fn jwk(algorithm: Algorithm, key: &[u8], kid: &str) -> Value {
    let mut jwk =
        serde_json::to_value(Jwk::from_encoding_key(&signer(algorithm, key), algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(kid);
    jwk["use"] = json!("sig");
    jwk
}

fn jwks(keys: &[Value]) -> KeySet {
    let set = json!({"keys": keys}).to_string();
    KeySet::read_jwks(set.as_bytes(), None).unwrap().0
}

/// A secret without a name, one with, and three public keys.
fn everything() -> Verifier {
    let fixed = KeySet::secret(SECRET).and(&KeySet::read("k2=ANOTHER-secret-of-32-bytes-or-more").unwrap());
    let verifier = Verifier::signed(fixed, Accepts::default());
    let keys =
        [jwk(Algorithm::RS256, RSA, "r"), jwk(Algorithm::ES256, EC, "e"), jwk(Algorithm::EdDSA, ED, "d")];
    verifier.learn(&jwks(&keys));
    verifier
}

#[test]
fn a_good_token_names_its_user() {
    let verifier = everything();
    for (algorithm, key, kid) in [
        (Algorithm::HS256, SECRET, None),
        (Algorithm::HS256, SECRET, Some("whatever")),
        (Algorithm::HS256, b"ANOTHER-secret-of-32-bytes-or-more".as_slice(), Some("k2")),
        (Algorithm::RS256, RSA, Some("r")),
        (Algorithm::RS256, RSA, None),
        (Algorithm::ES256, EC, Some("e")),
        (Algorithm::EdDSA, ED, Some("d")),
    ] {
        let identity = verifier.verify(&sign(algorithm, key, kid, &good()), NOW).unwrap();
        assert_eq!(identity.user.as_str(), "alice");
        assert_eq!(identity.expires_at, Some(Timestamp(SOON * 1_000)));
        assert_eq!(
            (identity.device, identity.user.tenant(), identity.grants),
            (None, None, Default::default())
        );
    }
}

/// Forged, confused, expired, misshapen and oversized tokens: what becomes of each.
#[test]
fn a_bad_token_is_refused_for_what_it_is() {
    use TokenError::{
        Algorithm as Alg, Claims, Expired, Malformed, NotYet, Signature, Subject, TooLong, UnknownKey,
    };
    let verifier = everything();
    let hs = |claims: &Value| sign(Algorithm::HS256, SECRET, None, claims);
    let honest = hs(&good());
    let (head, signature) = honest.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    // The public half of a key that everybody has, taken for a secret (algorithm confusion), in each of its shapes.
    let public = jwk(Algorithm::RS256, RSA, "r");
    let modulus = public["n"].as_str().unwrap().as_bytes().to_vec();
    let confused = |kid, secret: &[u8]| sign(Algorithm::HS256, secret, Some(kid), &good());
    let mut crit = Header { crit: Some(vec!["exp".to_owned()]), ..Header::new(Algorithm::HS256) };
    crit.typ = None;
    let crit = encode(&crit, &good(), &signer(Algorithm::HS256, SECRET)).unwrap();
    let none = "eyJhbGciOiJub25lIn0";
    let none_in_capitals = "eyJhbGciOiJOT05FIn0";
    let table = [
        ("nothing", String::new(), Malformed),
        ("a name", "alice".to_owned(), Malformed),
        ("no token", "a.b.c".to_owned(), Malformed),
        ("no signature", format!("{head}."), Signature),
        ("a part too many", format!("{honest}.x"), Malformed),
        (
            "a signature of another",
            format!("{head}.{}", hs(&with("sub", json!("bob"))).rsplit('.').next().unwrap()),
            Signature,
        ),
        (
            "claims of another",
            format!("{header}.{}.{signature}", hs(&with("sub", json!("bob"))).split('.').nth(1).unwrap()),
            Signature,
        ),
        ("alg none", format!("{none}.{payload}."), Alg),
        ("alg NONE", format!("{none_in_capitals}.{payload}."), Alg),
        ("alg none with a signature", format!("{none}.{payload}.{signature}"), Alg),
        ("HS512 by the right secret", sign(Algorithm::HS512, SECRET, None, &good()), Alg),
        ("RS512 by the right key", sign(Algorithm::RS512, RSA, Some("r"), &good()), Alg),
        ("another secret", sign(Algorithm::HS256, OTHER, None, &good()), Signature),
        ("a public key as a secret", confused("r", &modulus), Signature),
        ("a whole public key as a secret", confused("r", public.to_string().as_bytes()), Signature),
        ("no secret", confused("r", b""), Signature),
        ("another Ed25519 key", sign(Algorithm::EdDSA, ED_OTHER, Some("d"), &good()), Signature),
        ("a kid that is not there", sign(Algorithm::ES256, EC, Some("gone"), &good()), UnknownKey),
        ("a kid of another algorithm", sign(Algorithm::ES256, EC, Some("r"), &good()), UnknownKey),
        ("what must be understood", crit, Malformed),
        ("no exp", hs(&json!({"sub": "alice"})), Claims),
        ("no sub", hs(&json!({"exp": SOON})), Claims),
        ("exp as a text", hs(&with("exp", json!("1790000060"))), Claims),
        ("exp with a fraction", hs(&with("exp", json!(1_790_000_060.5))), Claims),
        ("exp below zero", hs(&with("exp", json!(-1))), Claims),
        ("sub as a number", hs(&with("sub", json!(7))), Claims),
        ("sub empty", hs(&with("sub", json!(""))), Subject),
        ("sub with a control character", hs(&with("sub", json!("a\nb"))), Subject),
        ("a device that is none", hs(&with("device", json!("a b"))), Claims),
        ("a tenant that is none", hs(&with("tenant", json!("a/b"))), Claims),
        ("grants as a list", hs(&with("grants", json!([]))), Claims),
        ("grants with a typo", hs(&with("grants", json!({"cal": false}))), Claims),
        ("over", hs(&with("exp", json!(1_789_999_995))), Expired),
        ("over for ever", hs(&with("exp", json!(0))), Expired),
        ("not yet", hs(&with("nbf", json!(1_790_000_006))), NotYet),
        ("oversized", hs(&with("more", json!("x".repeat(8_192)))), TooLong),
    ];
    for (what, token, error) in table {
        assert_eq!(verifier.verify(&token, NOW), Err(error), "{what}");
        assert!(!error.to_string().contains("alice") && !error.reason().contains("alice"));
    }
}

#[test]
fn clocks_may_be_five_seconds_apart() {
    let verifier = everything();
    let verify = |claims: Value| verifier.verify(&sign(Algorithm::HS256, SECRET, None, &claims), NOW);
    assert!(verify(with("exp", json!(1_789_999_996))).is_ok());
    assert!(verify(with("nbf", json!(1_790_000_005))).is_ok());
}

#[test]
fn an_issuer_and_an_audience_are_asked_for_where_they_are_set() {
    let accepts = Accepts { issuer: Some("app".to_owned()), audience: Some("calls".to_owned()) };
    let strict = Verifier::signed(KeySet::secret(SECRET), accepts);
    let verify = |iss: Value, aud: Value| {
        let claims = json!({"sub": "alice", "exp": SOON, "iss": iss, "aud": aud});
        strict.verify(&sign(Algorithm::HS256, SECRET, None, &claims), NOW).map(drop)
    };
    assert_eq!(verify(json!("app"), json!("calls")), Ok(()));
    assert_eq!(verify(json!("app"), json!(["chat", "calls"])), Ok(()));
    assert_eq!(verify(json!("other"), json!("calls")), Err(TokenError::Issuer));
    assert_eq!(verify(Value::Null, json!("calls")), Err(TokenError::Issuer));
    for aud in [json!("chat"), json!([]), Value::Null] {
        assert_eq!(verify(json!("app"), aud), Err(TokenError::Audience));
    }
    assert_eq!(verify(json!("app"), json!(7)), Err(TokenError::Claims));
    // Where nobody asks, what a token says of it is of no matter.
    let token =
        sign(Algorithm::HS256, SECRET, None, &json!({"sub": "alice", "exp": SOON, "iss": "x", "aud": "y"}));
    assert!(everything().verify(&token, NOW).is_ok());
}

#[test]
fn claims_say_what_a_token_is_good_for() {
    let claims = json!({"sub": "alice", "exp": SOON, "device": "phone", "tenant": "acme",
        "grants": {"call": ["bob"], "scopes": ["read"]}});
    let identity = everything().verify(&sign(Algorithm::HS256, SECRET, None, &claims), NOW).unwrap();
    assert_eq!(identity.device.as_ref().map(DeviceId::as_str), Some("phone"));
    assert_eq!(identity.user.tenant(), Some("acme"));
    assert!(
        identity.grants.may_call(&UserId::new("bob").unwrap())
            && !identity.grants.may_call(&UserId::new("carol").unwrap())
    );
    assert!(identity.grants.has(Scope::Read));
}

#[test]
fn a_key_of_a_tenant_speaks_for_it_alone() {
    let keys = KeySet::read("acme/k=0123456789abcdef0123456789abcdef").unwrap();
    let verifier = Verifier::signed(keys, Accepts::default());
    let tenant = |claims: Value| {
        let token = sign(Algorithm::HS256, SECRET, Some("k"), &claims);
        verifier.verify(&token, NOW).map(|identity| identity.user.tenant().unwrap().to_owned())
    };
    assert_eq!(tenant(good()), Ok("acme".to_owned()));
    assert_eq!(tenant(with("tenant", json!("acme"))), Ok("acme".to_owned()));
    assert_eq!(tenant(with("tenant", json!("globex"))), Err(TokenError::Tenant));
}

#[test]
fn keys_come_and_go_while_those_of_the_settings_stay() {
    let verifier = Verifier::signed(KeySet::secret(SECRET), Accepts::default());
    let by = |algorithm, key, kid| verifier.verify(&sign(algorithm, key, Some(kid), &good()), NOW).map(drop);
    assert_eq!(by(Algorithm::EdDSA, ED, "old"), Err(TokenError::UnknownKey));
    verifier.learn(&jwks(&[jwk(Algorithm::EdDSA, ED, "old"), jwk(Algorithm::EdDSA, ED_OTHER, "new")]));
    assert_eq!((by(Algorithm::EdDSA, ED, "old"), by(Algorithm::EdDSA, ED_OTHER, "new")), (Ok(()), Ok(())));
    verifier.learn(&jwks(&[jwk(Algorithm::EdDSA, ED_OTHER, "new")]));
    assert_eq!(by(Algorithm::EdDSA, ED, "old"), Err(TokenError::UnknownKey));
    assert_eq!((by(Algorithm::EdDSA, ED_OTHER, "new"), by(Algorithm::HS256, SECRET, "x")), (Ok(()), Ok(())));
}

#[test]
fn weak_keys_secrets_and_keys_for_something_else_are_passed_over() {
    let mut encrypts = jwk(Algorithm::RS256, RSA, "enc");
    encrypts["use"] = json!("enc");
    let mut other = jwk(Algorithm::RS256, RSA, "ps");
    other["alg"] = json!("PS256");
    let secret = json!({"kty": "oct", "k": "c2VjcmV0LXRoYXQtaXMtcHVibGljLW5vdy1mb3Itc3VyZQ", "kid": "s", "alg": "HS256"});
    let strange = json!({"kty": "something new", "kid": "x"});
    let good = jwk(Algorithm::ES256, EC, "e");
    let set = |keys: &[&Value]| {
        let text = json!({"keys": keys}).to_string();
        KeySet::read_jwks(text.as_bytes(), None).map(|(set, over)| (set.len(), over))
    };
    let weak = jwk(Algorithm::RS256, WEAK, "weak");
    assert_eq!(set(&[&good, &encrypts, &other, &secret, &strange, &weak]), Ok((1, 5)));
    use crate::JwkSetError::{Empty, Malformed, TooMany};
    assert_eq!(set(&[&secret]), Err(Empty));
    assert_eq!(set(&[]), Err(Empty));
    assert_eq!(set(&vec![&good; 65]), Err(TooMany));
    assert_eq!(KeySet::read_jwks(b"<html>", None).map(drop), Err(Malformed));
    assert_eq!(KeySet::read_jwks(b"{}", None).map(drop), Err(Malformed));
}

#[test]
fn a_renewal_is_by_the_same_owner() {
    let of =
        |claims: Value| everything().verify(&sign(Algorithm::HS256, SECRET, None, &claims), NOW).unwrap();
    let (alice, bob) = (of(good()), of(with("sub", json!("bob"))));
    let (bound, acme) = (of(with("device", json!("phone"))), of(with("tenant", json!("acme"))));
    let elsewhere = of(with("device", json!("tablet")));
    let phone = DeviceId::new("phone").unwrap();
    for (token, by, is) in [
        (&alice, &alice, true),
        (&bound, &alice, true),
        (&alice, &bound, true),
        (&alice, &bob, false),
        (&alice, &acme, false),
        (&bound, &elsewhere, false),
        (&alice, &elsewhere, false),
    ] {
        assert_eq!(token.is_renewed_by(by, &phone), is, "{token:?} by {by:?}");
    }
}
