//! The scenarios: what is broken, on which ground, with which settings, and what is allowed to go wrong.

use std::time::Duration;

use super::fault::Fault;
use super::oracle::Allowance;
use super::plan::Mix;
use super::stand::Ground;

/// One of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name: `CHAOS_SCENARIOS` picks by it.
    pub name: &'static str,
    /// What is broken, all at the same time.
    pub faults: Vec<Fault>,
    /// Where the calls are.
    pub ground: Ground,
    /// Settings of the gateways, without `RINGBACK_`.
    pub settings: &'static [(&'static str, &'static str)],
    /// A setting without which the scenario makes no sense: a gateway that does not know it skips the scenario.
    pub needs: Option<&'static str>,
    /// What the store may lose.
    pub allowance: Allowance,
    /// What calls are like.
    pub mix: Mix,
    /// How long a call may ring.
    pub ringing: Duration,
    /// Whether it is part of the short run in `make test`.
    pub quick: bool,
}

const MIX: Mix = Mix { reject: 8, cancel: 8, ignore: 0, crossing: 10 };
/// Where nothing is broken, calls may also ring out: it costs the time they ring.
const CALM: Mix = Mix { reject: 8, cancel: 8, ignore: 4, crossing: 10 };

const PRIMARY: &[(&str, &str)] = &[("STORE__DURABILITY", "primary")];
const REPLICATED: &[(&str, &str)] = &[("STORE__DURABILITY", "replicated")];

impl Scenario {
    fn new(name: &'static str, fault: Fault) -> Self {
        Self {
            name,
            faults: vec![fault],
            ground: Ground::Standalone,
            settings: &[],
            needs: None,
            allowance: Allowance::Nothing,
            mix: MIX,
            ringing: Duration::from_secs(30),
            quick: false,
        }
    }

    fn quick(mut self) -> Self {
        self.quick = true;
        self
    }

    fn on(mut self, ground: Ground, settings: &'static [(&'static str, &'static str)]) -> Self {
        (self.ground, self.settings) = (ground, settings);
        self
    }

    fn and(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    fn needs(mut self, setting: &'static str) -> Self {
        self.needs = Some(setting);
        self
    }

    fn allows(mut self, allowance: Allowance) -> Self {
        self.allowance = allowance;
        self
    }

    fn calm(mut self) -> Self {
        (self.mix, self.ringing) = (CALM, Duration::from_secs(3));
        self
    }
}

/// All scenarios, in the order in which they are run.
pub fn all() -> Vec<Scenario> {
    use Allowance::{Everything, YoungWrites};
    use Ground::{Cluster, Sentinel};
    vec![
        Scenario::new("calm", Fault::Nothing).calm().quick(),
        Scenario::new("clients-dropped", Fault::DropClients).quick(),
        Scenario::new("gateway-killed", Fault::KillGateway).quick(),
        Scenario::new("gateway-paused", Fault::PauseGateway),
        Scenario::new("rolling-restart", Fault::RollingRestart).quick(),
        Scenario::new("redis-cut", Fault::CutRedis).quick(),
        Scenario::new("redis-held", Fault::HoldRedis).quick(),
        Scenario::new("gateway-isolated", Fault::IsolateGateway),
        Scenario::new("redis-slow", Fault::DelayRedis),
        Scenario::new("redis-paused", Fault::PauseRedis),
        Scenario::new("subscriptions-killed", Fault::KillSubscriptions).quick(),
        Scenario::new("sentinel-failover-primary", Fault::KillPrimary)
            .on(Sentinel, PRIMARY)
            .allows(YoungWrites),
        Scenario::new("sentinel-failover-replicated", Fault::KillPrimary)
            .on(Sentinel, REPLICATED)
            .needs("durability")
            .quick(),
        Scenario::new("cluster-failover-primary", Fault::KillPrimary)
            .on(Cluster, PRIMARY)
            .allows(YoungWrites),
        Scenario::new("cluster-failover-replicated", Fault::KillPrimary)
            .on(Cluster, REPLICATED)
            .needs("durability"),
        Scenario::new("gateway-starts-slowly", Fault::KillGateway).and(Fault::DelayRedis),
        Scenario::new("storm", Fault::KillGateway).and(Fault::DropClients).and(Fault::CutRedis),
        Scenario::new("flushed", Fault::Flush).allows(Everything),
        Scenario::new("redis-emptied", Fault::EmptyRedis).allows(Everything),
    ]
}
