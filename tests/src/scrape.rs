//! What gateways tell Prometheus, read as Prometheus reads it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::gateway::Gateway;

/// One scrape of one or several gateways, added up: each series with its value.
#[derive(Clone, Debug, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// What all of them tell now.
    pub async fn of(gateways: &[Gateway]) -> Result<Self> {
        let mut sum = Self::default();
        for gateway in gateways {
            for line in gateway.metrics().await?.lines().filter(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').with_context(|| format!("no sample: {line}"))?;
                let value: f64 = value.parse().with_context(|| format!("no number: {line}"))?;
                *sum.0.entry(series.to_owned()).or_default() += value;
            }
        }
        if sum.0.is_empty() {
            bail!("nothing was scraped");
        }
        Ok(sum)
    }

    /// A series, as it is written; its labels in the order of their names.
    pub fn get(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// All series of a metric, added up.
    pub fn sum(&self, metric: &str) -> f64 {
        let of_it =
            |series: &&String| series.split_once('{').map_or(series.as_str(), |(name, _)| name) == metric;
        self.0.iter().filter(|(series, _)| of_it(series)).map(|(_, value)| value).sum()
    }

    /// How much a series has grown since.
    pub fn grown(&self, since: &Self, series: &str) -> f64 {
        self.get(series) - since.get(series)
    }

    /// Whether there is any series of a metric, or of a histogram's parts.
    pub fn has(&self, metric: &str) -> bool {
        self.0.keys().any(|series| {
            let name = series.split('{').next().unwrap_or_default();
            name.strip_prefix(metric).is_some_and(|rest| matches!(rest, "" | "_bucket" | "_count" | "_sum"))
        })
    }
}
