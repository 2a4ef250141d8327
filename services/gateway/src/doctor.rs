//! What an operator runs before the first call, and when something is wrong: looks at everything a gateway with these
//! settings depends on, and says of each what it found. Nothing stays behind but what is over within seconds.
//!
//! `report` is what is said; each other part looks at one subject. What is not configured is passed over.

mod bus;
mod ice;
mod reach;
mod redis;
mod report;
mod token;
mod turn;
mod wire;

use std::time::Duration;

use crate::settings::Settings;

pub use report::Report;

/// How long one thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at all of it. `token` is one of a client's, to be judged.
pub async fn examine(settings: &Settings, token: Option<&str>) -> Report {
    let mut report = Report::default();
    report.ok("settings", "are sound");
    if settings.store.is_in_memory() {
        report.warning(
            "store",
            "is in this process alone: its calls end with it, and there can be one gateway only",
            "set store.url",
        );
    } else if redis::examine(settings, &mut report).await {
        bus::examine(settings, &mut report).await;
    }
    token::examine(settings, token, &mut report);
    ice::examine(&settings.node.ice, &mut report).await;
    reach::examine(settings, &mut report).await;
    report
}
