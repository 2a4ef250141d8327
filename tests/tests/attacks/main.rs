//! Attacks on real gateways, each with what it must not do: to the gateway, to those who are served meanwhile, and to others'
//! calls. The stories of `e2e` say what is refused; these, that nobody else comes to harm.
//!
//! The attacker is at another address of this machine, so that limits by address tell the two apart; by default nothing is
//! limited on loopback. One attack at a time: they share two cores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "many clients in one test")]

mod doors;
mod floods;
mod honest;
mod sockets;
mod strangers;

use std::net::Ipv4Addr;
use std::sync::Arc;

use ringback_tests::attacker::dial;
use ringback_tests::client::Client;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use tokio::sync::{Mutex, MutexGuard};

/// Where the attacker is.
const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Two gateways on one Redis, which limit addresses of loopback like any other.
struct Target {
    stage: Stage,
    _turn: MutexGuard<'static, ()>,
}

impl Target {
    async fn start(settings: &[(&'static str, &str)]) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let mut all = vec![("LIMITS__UNLIMITED_ADDRESSES", String::new())];
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let world = World::start(Backend::Standalone, &all).await.expect("it starts");
        Self { stage: Stage::new(Arc::new(world), Cast::ALL[0]), _turn: turn }
    }

    /// The attacker's device, at the first gateway.
    async fn attacker(&self, name: &str, device: &str) -> anyhow::Result<Client> {
        let seat = self.stage.seat(name, device, 0, self.stage.cast.caller);
        let client = Client::open_over(seat.clone(), dial(seat.port, THERE).await?).await?;
        client.inbox.expect_strays();
        Ok(client)
    }

    /// Ends everything; the gateways have neither panicked nor gone.
    async fn end(self) {
        assert!(self.stage.all_ready().await, "the gateways are still ready");
        for gateway in &self.stage.world.gateways {
            assert_eq!(gateway.panics(), Vec::<String>::new());
        }
        let faults = self.stage.faults();
        assert!(faults.is_empty(), "{faults:?}");
        self.stage.world.stop();
    }
}
