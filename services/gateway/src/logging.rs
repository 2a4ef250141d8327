//! Log lines: lifecycle at info, messages at debug, never what a client says.

use std::{fmt, io::IsTerminal as _};

use tracing_subscriber::{
    EnvFilter, Registry,
    layer::{Layer as _, SubscriberExt as _},
    reload,
    util::SubscriberInitExt as _,
};

use crate::settings::{Log, LogFormat};

/// Decides, while the gateway runs, what is logged.
#[derive(Clone)]
pub struct LogFilter {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogFilter {
    /// What is logged now, as `log.filter` has it.
    pub fn get(&self) -> String {
        self.filter.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Logs this from now on.
    ///
    /// # Errors
    /// When it makes no sense: then what was logged goes on being logged.
    pub fn set(&self, filter: &str) -> anyhow::Result<()> {
        let filter: EnvFilter = filter.trim().parse()?;
        self.filter.reload(filter)?;
        tracing::info!(filter = self.get(), "log filter changed");
        Ok(())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogFilter({})", self.get())
    }
}

/// Starts logging to the standard error output.
///
/// # Errors
/// When logging was started before, or the filter makes no sense.
pub fn start(log: &Log) -> anyhow::Result<LogFilter> {
    let filter: EnvFilter = log.filter.parse()?;
    let (filter, handle) = reload::Layer::new(filter);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Pretty => lines.with_target(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(LogFilter { filter: handle })
}
