//! The application's own servers, asked and told over HTTP.
//!
//! [`client`] sends a signed request, [`signature`] makes the signature (Standard Webhooks), [`webhook`] tells what
//! happened to calls, [`policy`] asks whether they may be placed, [`jwks`] fetches
//! what their tokens are signed with.

pub mod client;
pub mod jwks;
pub mod policy;
pub mod signature;
pub mod webhook;
