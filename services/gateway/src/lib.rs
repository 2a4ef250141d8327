//! The gateway: the program around a node. It reads settings, opens the store, and has the sockets.
//!
//! What is where: [`cli`] is the command line, [`settings`] and [`logging`] come first, [`app`] puts it all together, [`http`] has the two ports,
//! [`hooks`] asks and tells the application's servers,
//! [`tls`] makes them safe, [`websocket`] carries the frames of a client; [`probe`] asks a gateway that runs, [`doctor`] looks at what one depends on. What a gateway *does* is in `ringback-node`.

pub mod app;
pub mod cli;
pub mod doctor;
pub mod hooks;
pub mod http;
pub mod logging;
pub mod mint;
pub mod probe;
pub mod settings;
pub mod tls;
pub mod version;
pub mod visitors;
pub mod websocket;
