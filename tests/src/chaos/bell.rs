//! How the run talks to a device: orders to call somebody, and a network that is pulled out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::plan::Plan;

/// An order to call somebody.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whom.
    pub to: String,
    /// What the call is to be like.
    pub plan: Plan,
}

/// The bell of one device.
#[derive(Debug)]
pub struct Bell {
    rung: Notify,
    cut: AtomicBool,
    stopped: AtomicBool,
    winds_up: AtomicBool,
    order: Mutex<Option<Order>>,
    idle: watch::Sender<bool>,
}

impl Bell {
    /// A silent one.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            rung: Notify::new(),
            cut: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            winds_up: AtomicBool::new(false),
            order: Mutex::default(),
            idle: watch::Sender::new(true),
        })
    }

    /// Has the device call somebody. It counts as busy from here on.
    pub fn order(&self, order: Order) {
        self.idle.send_replace(false);
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
        self.rung.notify_one();
    }

    /// Cuts the device's connection.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.rung.notify_one();
    }

    /// Tells the device to go.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.rung.notify_one();
    }

    /// Has the device end the call it is in, however much it still has to say.
    pub fn wind_up(&self) {
        self.winds_up.store(true, Ordering::Relaxed);
    }

    /// Whether it is to.
    pub fn winds_up(&self) -> bool {
        self.winds_up.load(Ordering::Relaxed)
    }

    /// Waits until the device has nothing to do; `false` if it still has after `limit`.
    pub async fn is_idle(&self, limit: Duration) -> bool {
        let mut idle = self.idle.subscribe();
        timeout(limit, idle.wait_for(|idle| *idle)).await.is_ok()
    }

    /// The device's ear.
    pub async fn listen(&self) {
        self.rung.notified().await;
    }

    /// Whether the connection is to be cut; asked once, it is done.
    pub fn take_cut(&self) -> bool {
        self.cut.swap(false, Ordering::Relaxed)
    }

    /// The order, if there is one.
    pub fn take_order(&self) -> Option<Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the device is to go.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The device says whether it is busy; one with an order is, whatever it says.
    pub fn set_idle(&self, idle: bool) {
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        self.idle.send_replace(idle && order.is_none());
    }
}
