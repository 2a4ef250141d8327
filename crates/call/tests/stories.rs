//! The protocol's stories, on virtual time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod common;

#[path = "stories/answering.rs"]
mod answering;
#[path = "stories/attendance.rs"]
mod attendance;
#[path = "stories/clocks.rs"]
mod clocks;
#[path = "stories/detail_records.rs"]
mod detail_records;
#[path = "stories/glare.rs"]
mod glare;
#[path = "stories/mailboxes.rs"]
mod mailboxes;
#[path = "stories/milestones.rs"]
mod milestones;
#[path = "stories/negotiation.rs"]
mod negotiation;
#[path = "stories/outcome_events.rs"]
mod outcome_events;
#[path = "stories/placing.rs"]
mod placing;
#[path = "stories/policy.rs"]
mod policy;
#[path = "stories/repeats.rs"]
mod repeats;
#[path = "stories/timeline.rs"]
mod timeline;
#[path = "stories/waking.rs"]
mod waking;
