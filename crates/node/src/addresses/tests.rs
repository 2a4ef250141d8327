use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn address(text: &str) -> Address {
    Address::of(text.parse().unwrap())
}

fn limits() -> AddressLimits {
    AddressLimits { connections: 3, upgrades_per_second: 1, upgrade_burst: 5, failures_per_minute: 2 }
}

#[test]
fn an_address_is_as_much_of_it_as_one_customer_has() {
    assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2:ffff::"));
    assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
    assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
    assert_ne!(address("192.0.2.7"), address("192.0.2.8"));
    assert_eq!(format!("{:?}", address("192.0.2.7")), "Address(v4)");
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_address_are_counted_and_given_back() {
    let addresses = Arc::new(Addresses::new(&limits()));
    let (ours, theirs) = (address("192.0.2.7"), address("192.0.2.8"));
    let mut stays: Vec<_> = (0..3).map(|_| addresses.enter(ours).unwrap()).collect();
    assert_eq!(addresses.enter(ours).unwrap_err(), Crowded::Connections(LATER));
    drop(addresses.enter(theirs).unwrap());
    stays.pop();
    stays.push(addresses.enter(ours).unwrap());
    drop(stays);
    assert!(addresses.connections.is_empty(), "nothing is kept of who is gone");
}

#[tokio::test(start_paused = true)]
async fn who_connects_too_often_is_held_off_for_a_while() {
    let addresses = Arc::new(Addresses::new(&limits()));
    let (ours, theirs) = (address("192.0.2.7"), address("192.0.2.8"));
    for _ in 0..5 {
        drop(addresses.enter(ours).unwrap());
    }
    let Err(Crowded::Rate(wait)) = addresses.enter(ours) else { panic!("the sixth at once") };
    assert!(wait <= SECOND, "{wait:?}");
    assert!(addresses.enter(theirs).is_ok());
    advance(wait).await;
    assert!(addresses.enter(ours).is_ok());
    assert!(addresses.enter(ours).is_err());
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_knocking_is_no_longer_answered() {
    let addresses = Addresses::new(&limits());
    let (ours, theirs) = (address("192.0.2.7"), address("192.0.2.8"));
    assert_eq!((0..50).filter(|_| addresses.knock(ours)).count(), 10, "twice as many as are let in");
    assert!(addresses.knock(theirs));
    advance(SECOND).await;
    assert_eq!((0..50).filter(|_| addresses.knock(ours)).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_fails_too_often_is_not_let_in_for_a_while() {
    let addresses = Arc::new(Addresses::new(&limits()));
    let (ours, theirs) = (address("2001:db8::1"), address("2001:db8:0:1::1"));
    for _ in 0..2 {
        addresses.failed(ours);
        assert_eq!(addresses.admit(ours), Ok(()));
    }
    addresses.failed(ours);
    let Err(Crowded::Failures(wait)) = addresses.admit(ours) else { panic!("it failed three times") };
    assert_eq!(wait, BARRED);
    assert!(matches!(addresses.enter(ours), Err(Crowded::Failures(_))));
    assert_eq!(addresses.admit(theirs), Ok(()));
    advance(wait).await;
    assert_eq!(addresses.admit(ours), Ok(()));
    assert!(addresses.barred().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_limited_where_the_limit_is_none() {
    let none =
        AddressLimits { connections: 0, upgrades_per_second: 0, upgrade_burst: 0, failures_per_minute: 0 };
    let addresses = Arc::new(Addresses::new(&none));
    let ours = address("192.0.2.7");
    let stays: Vec<_> = (0..1_000).map(|_| addresses.enter(ours).unwrap()).collect();
    (0..1_000).for_each(|_| addresses.failed(ours));
    assert_eq!(addresses.admit(ours), Ok(()));
    drop(stays);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_addresses_is_bounded() {
    let addresses = Arc::new(Addresses::new(&limits()));
    for n in 0..u32::try_from(MAX_KNOWN).unwrap() + 1_000 {
        let one = Address::of(std::net::Ipv4Addr::from_bits(n).into());
        (0..3).for_each(|_| addresses.failed(one));
        drop(addresses.enter(one));
    }
    assert!(addresses.failures.as_ref().unwrap().len() <= MAX_KNOWN);
    assert!(addresses.upgrades.as_ref().unwrap().len() <= MAX_KNOWN);
    assert!(addresses.barred().len() <= MAX_KNOWN);
    assert!(addresses.enter(address("203.0.113.1")).is_ok(), "one that can't be kept count of is let in");
}
