//! Exhaustive model checking of the very functions that ship, `Rules::open` and `Rules::decide`.
//!
//! Every interleaving of what the devices may ask, of what is on its way to them, of dropped and new connections, of
//! lost gateways and of passing deadlines is visited, within the budgets that each model states. The budgets make
//! every path end, and what `eventually` asks for stays true once it is, so that both kinds of property are decided.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]
#![allow(clippy::print_stderr, reason = "the number of states is worth knowing")]

mod common;

#[path = "model/checked.rs"]
mod checked;
#[path = "model/client.rs"]
mod client;
#[path = "model/mutants.rs"]
mod mutants;
#[path = "model/scenes.rs"]
mod scenes;
#[path = "model/world.rs"]
mod world;

use ringback_call::Rules;
use stateright::{Checker, HasDiscoveries, Model};
use world::Scene;

/// Visits every state, and fails on a broken property or on a model that has shrunk.
fn check(name: &str, scene: Scene, at_least: usize) {
    let checker = scene.checker().spawn_dfs().join();
    let states = checker.unique_state_count();
    let (steps, depth) = (checker.state_count(), checker.max_depth());
    eprintln!("model {name}: {states} states, {steps} steps, depth {depth}");
    if let Some((property, path)) = checker.discoveries().into_iter().next() {
        panic!("{name}: not so: {property}, by {:?}", path.into_actions());
    }
    assert!(checker.is_done(), "{name} was not explored to the end");
    assert!(states >= at_least, "{name} has shrunk to {states} states");
}

/// Looks for a broken property in rules with a mistake.
fn bites(property: &'static str, scene: Scene) {
    let finish = HasDiscoveries::AnyOf([property].into());
    let checker = scene.checker().finish_when(finish).spawn_bfs().join();
    let found = checker.discoveries();
    assert!(found.contains_key(&property), "`{property}` held, but {:?}", found.keys());
}

#[test]
fn the_checker_finds_each_mistake() {
    bites("at most one device wins", scenes::answering(mutants::a_second_accept_wins));
    bites("no candidate precedes its description", scenes::negotiation(mutants::nothing_is_held));
    bites("never two open offers", scenes::renegotiation(mutants::no_glare));
    bites("who has heard everything knows how it stands", scenes::answering(mutants::losers_ring_on));
    bites("nobody rings for ever", scenes::unanswered(mutants::no_deadlines));
    bites("left alone, a call ends or is connected", scenes::answering(mutants::no_deadlines));
    bites("nothing follows the end", scenes::answering(mutants::a_late_admission_rings));
    bites("an acknowledged crossing is not forgotten", scenes::crossing(mutants::a_crossing_is_forgotten));
    bites("what is sent twice is applied once", scenes::negotiation(mutants::no_memory));
    bites("who has heard everything knows how it stands", scenes::answering(mutants::reasons_differ));
    bites("a call has at most one outcome", scenes::answering(mutants::who_hangs_up_last_is_right));
    bites("candidates come once, in order", scenes::negotiation(mutants::held_backwards));
    bites("events come in their turn", scenes::answering(mutants::the_callee_hears_it_ring));
    bites("every decision keeps the laws", scenes::answering(mutants::a_number_is_skipped));
}

#[test]
fn the_race_to_answer() {
    check("answering", scenes::answering(Rules::decide), 180_000);
}

#[test]
fn a_call_that_nobody_answers() {
    check("unanswered", scenes::unanswered(Rules::decide), 1_900_000);
}

#[test]
fn ringing_devices_that_come_and_go() {
    check("ringing", scenes::ringing(Rules::decide), 1_000_000);
}

#[test]
fn devices_that_are_woken() {
    check("waking", scenes::waking(Rules::decide), 360_000);
}

#[test]
fn calls_that_cross() {
    check("crossing", scenes::crossing(Rules::decide), 600_000);
}

#[test]
fn two_sides_that_negotiate() {
    check("negotiation", scenes::negotiation(Rules::decide), 330_000);
}

#[test]
fn two_sides_that_offer_anew() {
    check("renegotiation", scenes::renegotiation(Rules::decide), 500_000);
}

#[test]
fn devices_that_vanish_in_a_connected_call() {
    check("attendance", scenes::attendance(Rules::decide), 400_000);
}
