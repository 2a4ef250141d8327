//! Ports on loopback for the processes we start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// The range lies below the one the kernel takes for outgoing connections (32768 and up on Linux): a port we chose
/// can't be taken by a client of ours between the choice and the server's `bind`.
const FIRST: u16 = 20_000;
const SPAN: u16 = 12_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port nobody listens on. No port is given out twice in one process; two test processes start at different places.
pub fn free_port() -> u16 {
    let start = (std::process::id() % u32::from(SPAN)) as u16;
    for _ in 0..SPAN {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start.wrapping_mul(97) % SPAN + step % SPAN) % SPAN;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + SPAN);
}
