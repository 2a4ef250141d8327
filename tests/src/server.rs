//! Servers of an application, in this process: each with threads of its own, so that it ends with all its connections.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;
use tokio::runtime::{Builder, Runtime};

/// Serves this at a loopback port, until it is shut down.
pub fn serve(port: u16, router: Router) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("its port is free");
    socket.set_nonblocking(true).expect("a socket");
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(socket).expect("a socket");
        axum::serve(listener, router).await.expect("it serves");
    });
    runtime
}
