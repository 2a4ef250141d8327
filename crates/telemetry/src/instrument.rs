//! Counters, gauges and histograms, whose labels are types. All combinations exist from the start: what has not happened
//! is shown as 0, and counting takes neither a lock nor a look-up by text.

use std::{marker::PhantomData, time::Instant};

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, core::Collector,
};

use crate::label::Labels;

/// How an instrument is made.
pub(crate) trait Instrument: Sized {
    /// As Prometheus calls it.
    const KIND: &'static str;

    fn register(name: &str, help: &str, buckets: &[f64], registry: &Registry) -> prometheus::Result<Self>;

    /// One that takes no note of anything, and is not shown; `None` where that would spare nothing.
    fn idle() -> Option<Self>;
}

/// What only goes up.
pub struct Counter<L = ()>(Vec<IntCounter>, PhantomData<L>);

impl<L: Labels> Counter<L> {
    /// Once more.
    pub fn inc(&self, labels: L) {
        self.add(labels, 1);
    }

    /// So many more.
    pub fn add(&self, labels: L, n: u64) {
        if let Some(counter) = self.0.get(labels.index()) {
            counter.inc_by(n);
        }
    }

    /// How many there have been.
    pub fn get(&self, labels: L) -> u64 {
        self.0.get(labels.index()).map(IntCounter::get).unwrap_or_default()
    }
}

impl<L: Labels> Instrument for Counter<L> {
    const KIND: &'static str = "counter";

    fn register(name: &str, help: &str, _: &[f64], registry: &Registry) -> prometheus::Result<Self> {
        let all = register(IntCounterVec::new(Opts::new(name, help), L::NAMES)?, registry)?;
        let each = L::all().into_iter().map(|values| all.get_metric_with_label_values(&values));
        Ok(Self(each.collect::<prometheus::Result<_>>()?, PhantomData))
    }

    fn idle() -> Option<Self> {
        Some(Self(Vec::new(), PhantomData))
    }
}

/// What is so many now.
pub struct Gauge<L = ()>(Vec<prometheus::Gauge>, PhantomData<L>);

impl<L: Labels> Gauge<L> {
    /// That many.
    pub fn set(&self, labels: L, value: f64) {
        if let Some(gauge) = self.0.get(labels.index()) {
            gauge.set(value);
        }
    }

    /// So many things.
    pub fn set_count(&self, labels: L, n: usize) {
        #[allow(clippy::cast_precision_loss, reason = "exact below 2^53 things")]
        self.set(labels, n as f64);
    }
}

impl<L: Labels> Instrument for Gauge<L> {
    const KIND: &'static str = "gauge";

    fn register(name: &str, help: &str, _: &[f64], registry: &Registry) -> prometheus::Result<Self> {
        let all = register(GaugeVec::new(Opts::new(name, help), L::NAMES)?, registry)?;
        let each = L::all().into_iter().map(|values| all.get_metric_with_label_values(&values));
        Ok(Self(each.collect::<prometheus::Result<_>>()?, PhantomData))
    }

    /// It is written only when somebody asks.
    fn idle() -> Option<Self> {
        None
    }
}

/// How long things take.
pub struct Histogram<L = ()>(Vec<prometheus::Histogram>, PhantomData<L>);

impl<L: Labels> Histogram<L> {
    /// One took this long.
    pub fn observe_ms(&self, labels: L, ms: u64) {
        // Exact below 2^53 ms.
        #[allow(clippy::cast_precision_loss, reason = "a duration of that many milliseconds is no duration")]
        self.observe(labels, ms as f64 / 1_000.0);
    }

    /// One took this many seconds.
    pub fn observe(&self, labels: L, seconds: f64) {
        if let Some(histogram) = self.0.get(labels.index()) {
            histogram.observe(seconds);
        }
    }

    /// Begins to measure one.
    pub fn start(&self) -> Timer<'_, L> {
        Timer { histogram: self, since: Instant::now() }
    }

    /// How many there were.
    pub fn count(&self, labels: L) -> u64 {
        self.0.get(labels.index()).map(prometheus::Histogram::get_sample_count).unwrap_or_default()
    }
}

impl<L: Labels> Instrument for Histogram<L> {
    const KIND: &'static str = "histogram";

    fn register(name: &str, help: &str, buckets: &[f64], registry: &Registry) -> prometheus::Result<Self> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let all = register(HistogramVec::new(opts, L::NAMES)?, registry)?;
        let each = L::all().into_iter().map(|values| all.get_metric_with_label_values(&values));
        Ok(Self(each.collect::<prometheus::Result<_>>()?, PhantomData))
    }

    fn idle() -> Option<Self> {
        Some(Self(Vec::new(), PhantomData))
    }
}

/// Something that is being measured.
pub struct Timer<'a, L> {
    histogram: &'a Histogram<L>,
    since: Instant,
}

impl<L: Labels> Timer<'_, L> {
    /// It is done.
    pub fn stop(self, labels: L) {
        self.histogram.observe(labels, self.since.elapsed().as_secs_f64());
    }
}

fn register<C: Collector + Clone + 'static>(collector: C, registry: &Registry) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
