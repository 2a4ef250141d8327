//! The promises of the traits, each as a test that any store can be put to.
//!
//! A promise is an async function that panics when it is broken. It makes up names of its own, so that promises
//! can share one store and run at the same time, and it waits for conditions, never for a length of time. A
//! store's tests run [`all`] of them:
//!
//! ```no_run
//! # async fn run(store: std::sync::Arc<dyn ringback_store::Store>) {
//! for (name, promise) in ringback_store::conformance::all() {
//!     println!("{name}");
//!     promise(store.clone()).await;
//! }
//! # }
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken promise is a panic")]

mod bodies;
mod bus;
mod call_log;
mod calls;
mod deadlines;
mod expiry;
mod logs;
mod nodes;
mod outbox;
mod pairs;
mod publishing;
mod races;
mod sessions;
mod stage;
mod users;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::Store;

/// One promise, kept by the store or broken with a panic.
pub type Promise = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

macro_rules! promises {
    ($($module:ident { $($name:ident,)+ })+) => {
        vec![$($((
            concat!(stringify!($module), "::", stringify!($name)),
            (|store| Box::pin($module::$name(store))) as Promise,
        ),)+)+]
    };
}

/// Every promise, by name.
pub fn all() -> Vec<(&'static str, Promise)> {
    promises! {
        calls {
            an_unknown_call_is_absent,
            a_call_is_made_once,
            a_version_grows_by_one_with_each_commit,
            a_commit_on_another_version_is_a_conflict_with_the_document,
            a_commit_on_a_version_of_nothing_is_a_conflict_without_one,
            a_commit_sent_twice_is_a_conflict_with_its_own_document,
            a_conflict_changes_nothing_at_all,
            a_lost_history_can_be_put_back,
            what_is_stored_can_be_settled,
            an_id_of_no_partition_is_absent,
        }
        races {
            of_many_commits_at_once_exactly_one_wins,
            no_update_is_lost,
            of_many_claims_of_a_pair_at_once_exactly_one_wins,
        }
        pairs {
            a_free_pair_can_be_claimed_by_one_call_only,
            a_taken_pair_changes_nothing_at_all,
            an_ended_call_can_be_followed_by_another,
            only_the_named_call_can_be_followed,
            a_call_may_claim_the_pair_it_holds,
            a_held_pair_is_not_taken_back_from_the_next_call,
            pairs_do_not_mix,
        }
        logs {
            entries_are_read_in_order,
            a_range_is_what_is_asked_for,
            gaps_are_left_out,
            what_is_trimmed_is_gone,
            logs_do_not_mix,
            a_long_log_is_read_whole,
        }
        bodies {
            bytes_of_every_kind_come_back,
            words_of_the_protocol_are_bytes_like_others,
            big_bodies_come_back,
        }
        publishing {
            an_entry_reaches_its_nodes_once_and_in_order,
            a_small_document_comes_along,
            nobody_else_gets_it,
            what_is_not_applied_is_not_published,
            big_entries_arrive_whole,
        }
        deadlines {
            a_call_is_due_at_its_deadline,
            the_earliest_is_first,
            no_more_than_the_limit,
            they_can_be_read_page_by_page,
            a_deadline_is_replaced,
            a_deadline_is_taken_away,
            a_change_that_renews_nothing_leaves_what_was_written,
            a_living_call_is_not_forgotten,
            the_deadline_of_a_call_that_is_gone_can_be_forgotten,
            the_deadline_of_a_logged_call_is_taken_away,
            a_deadline_can_be_moved,
            a_later_deadline_is_left_in_place,
            only_the_deadline_that_is_named_is_taken_away,
        }
        expiry {
            everything_of_a_call_ends_with_its_time,
            each_commit_gives_new_time,
        }
        users {
            an_unknown_user_has_an_empty_record,
            a_device_is_registered,
            a_newer_connection_takes_the_place,
            an_older_connection_is_superseded,
            connections_that_differ_in_the_last_digit_are_told_apart,
            the_same_route_again_replaces_nothing,
            there_are_no_more_devices_than_allowed,
            a_known_device_is_not_one_too_many,
            only_its_own_route_is_unregistered,
            a_record_is_sorted,
            calls_are_listed,
            a_full_list_takes_no_other_call,
            to_delist_twice_is_harmless,
            a_list_says_since_when,
            the_last_calls_that_ended_are_remembered,
            names_may_be_odd,
            attempts_come_at_their_pace,
            what_is_no_attempt_is_not_counted,
            of_many_attempts_at_once_no_more_than_may_be_succeed,
        }
        call_log {
            an_unknown_user_has_an_empty_log,
            what_is_taken_off_the_list_is_in_the_log,
            the_newest_is_first,
            a_log_is_read_page_by_page,
            what_ended_in_the_same_millisecond_is_on_one_page_or_the_next,
            what_is_too_old_is_not_told,
            a_call_is_written_down_once,
            a_log_keeps_the_last_calls,
            a_log_keeps_no_call_longer_than_asked,
            a_log_ends_with_its_time,
            missed_calls_are_told_until_they_are_confirmed,
            each_device_confirms_for_itself,
            an_older_word_takes_nothing_back,
            a_missed_call_written_late_is_told_all_the_same,
            a_call_that_was_not_missed_after_all_is_not_told,
            what_is_gone_from_the_log_is_not_told,
            the_last_devices_are_heard,
        }
        sessions {
            a_session_is_kept_for_its_device_alone,
            a_session_ends_with_its_time,
            a_session_kept_again_gets_new_time,
            the_connections_of_a_user_share_a_clock_that_grows,
            what_is_remembered_of_a_session_comes_back,
        }
        nodes {
            a_node_lives_by_its_heartbeat,
            nodes_are_listed_in_order,
            a_silent_node_is_gone_after_its_time,
            a_node_can_leave,
            all_share_one_clock_that_grows,
        }
        outbox {
            letters_are_handed_out_once_and_in_order,
            one_node_delivers_at_a_time,
            a_lease_runs_out,
            what_is_pending_can_be_read_in_parts,
            what_is_not_applied_is_not_sent,
            a_dead_letter_can_be_sent_anew,
            dead_letters_are_in_the_order_of_their_deaths,
            letters_can_be_read_whether_delivered_or_not,
            letters_are_kept_for_their_time,
            what_waits_is_counted,
            of_too_many_dead_letters_the_oldest_go,
            of_too_many_letters_the_oldest_go_and_are_counted,
        }
        bus {
            a_message_reaches_its_node_from_every_partition,
            nobody_there_is_told,
            messages_keep_their_order,
            a_big_message_arrives_whole,
        }
    }
}
