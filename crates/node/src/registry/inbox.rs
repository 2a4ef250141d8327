//! What a connection is told by its gateway: mail, in order, and once that it has to close.
//!
//! Tokio's channels would do the same. But one for mail and one for the end take 1.8 KB of each connection, and most
//! connections are told nothing most of the time: this takes some hundred bytes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use ringback_call::{CallId, ConnectionId, DeviceId};
use ringback_store::{Partition, record::Envelope};
use ringback_wire::CloseCode;
use tokio::task::coop::cooperative;

/// Room for mail that is kept though there is none: for more there was a burst, which need not come again.
const KEPT: usize = 16;

/// What a connection is told by the gateway.
#[derive(Clone, Debug)]
pub enum Mail {
    /// An entry of this user's mailbox in a call, not necessarily for this device.
    Entry(Arc<Envelope>),
    /// Something was said in this call that did not arrive: its mailbox has to be read.
    CatchUp(CallId),
    /// So it may be in any call of these partitions: the mailboxes of all that the connection knows have to be read.
    Doubt(Arc<[Partition]>),
    /// What is stored of this connection may be lost, and has to be stored again.
    Renew,
}

/// The gateway's end of a connection.
#[derive(Debug)]
pub struct Handle {
    device: DeviceId,
    connection: ConnectionId,
    line: Arc<Line>,
}

/// The connection's end: what it takes from the gateway.
#[derive(Debug)]
pub struct Inbox {
    line: Arc<Line>,
}

/// What lies between the two ends.
#[derive(Debug)]
struct Line {
    room: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    mail: VecDeque<Mail>,
    closing: Option<CloseCode>,
    /// The connection's end is gone.
    left: bool,
    /// Of the one task that waits at the connection's end.
    waker: Option<Waker>,
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to take.
    async fn wait<T>(&self, mut take: impl FnMut(&mut State) -> Option<T>) -> T {
        cooperative(poll_fn(|context| {
            let mut state = self.state();
            if let Some(taken) = take(&mut state) {
                return Poll::Ready(taken);
            }
            match &mut state.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none @ None => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        }))
        .await
    }
}

impl State {
    fn take_mail(&mut self) -> Option<Mail> {
        let mail = self.mail.pop_front();
        if self.mail.is_empty() && self.mail.capacity() > KEPT {
            self.mail = VecDeque::new();
        }
        mail
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Handle {
    /// Both ends, with room for this many entries.
    pub fn new(device: DeviceId, connection: ConnectionId, room: usize) -> (Self, Inbox) {
        let line = Arc::new(Line { room, state: Mutex::default() });
        (Self { device, connection, line: Arc::clone(&line) }, Inbox { line })
    }

    pub(super) const fn device(&self) -> &DeviceId {
        &self.device
    }

    pub(super) const fn connection(&self) -> ConnectionId {
        self.connection
    }

    pub(super) fn is_of(&self, device: &DeviceId, connection: ConnectionId) -> bool {
        self.device == *device && self.connection == connection
    }

    /// Whether there was room for it. If there is none the connection reads too slowly, and has to close.
    pub(super) fn deliver(&self, mail: &Mail) -> bool {
        let mut state = self.line.state();
        if state.left {
            return false;
        }
        if state.mail.len() >= self.line.room {
            drop(state);
            self.close(CloseCode::SlowReader);
            return false;
        }
        state.mail.push_back(mail.clone());
        wake(state);
        true
    }

    /// Asks the connection to close; the first reason stays.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.line.state();
        if state.closing.is_none() {
            state.closing = Some(code);
            wake(state);
        }
    }
}

impl Inbox {
    /// The next of the mail, in order. Can be dropped and called again without losing anything; it and
    /// [`closing`](Self::closing) are waited for by one task.
    pub async fn mail(&self) -> Mail {
        self.line.wait(State::take_mail).await
    }

    /// Why the connection has to close, once it has to.
    pub async fn closing(&self) -> CloseCode {
        self.line.wait(|state| state.closing).await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut state = self.line.state();
        let gone = std::mem::replace(&mut *state, State { left: true, ..State::default() });
        drop(state);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;
    use tokio::time::timeout;

    use super::*;

    fn ends(room: usize) -> (Handle, Inbox) {
        Handle::new(DeviceId::new("d").unwrap(), ConnectionId(1), room)
    }

    fn about(n: usize) -> Mail {
        Mail::CatchUp(CallId::new(format!("p0-{n}")).unwrap())
    }

    #[tokio::test]
    async fn mail_wakes_who_waits_for_it_and_so_does_the_end() {
        let (handle, inbox) = ends(2);
        let waiting = tokio::spawn(async move {
            let mail = tokio::select! {
                biased;
                code = inbox.closing() => panic!("{code:?}"),
                mail = inbox.mail() => mail,
            };
            let code = tokio::select! {
                biased;
                mail = inbox.mail() => panic!("{mail:?}"),
                code = inbox.closing() => code,
            };
            (mail, code)
        });
        tokio::task::yield_now().await;
        assert!(handle.deliver(&about(1)));
        tokio::task::yield_now().await;
        handle.close(CloseCode::Replaced);
        handle.close(CloseCode::SlowReader);
        let (mail, code) = timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
        assert!(matches!(mail, Mail::CatchUp(call) if call.as_str() == "p0-1"));
        assert_eq!(code, CloseCode::Replaced, "the first reason stays");
    }

    #[test]
    fn mail_comes_in_order_and_no_more_than_there_is_room_for() {
        let (handle, inbox) = ends(100);
        assert!((0..100).all(|n| handle.deliver(&about(n))));
        assert!(!handle.deliver(&about(100)));
        assert_eq!(inbox.closing().now_or_never(), Some(CloseCode::SlowReader));
        for n in 0..100 {
            let expected = format!("p0-{n}");
            assert!(
                matches!(inbox.mail().now_or_never(), Some(Mail::CatchUp(call)) if call.as_str() == expected)
            );
        }
        assert!(inbox.mail().now_or_never().is_none());
        assert!(inbox.line.state().mail.capacity() <= KEPT, "a burst is not remembered");
    }

    #[test]
    fn nobody_is_told_anything_who_has_left() {
        let (handle, inbox) = ends(1);
        assert!(handle.deliver(&about(1)));
        drop(inbox);
        assert!(!handle.deliver(&about(2)));
        assert!(handle.line.state().mail.is_empty());
    }
}
