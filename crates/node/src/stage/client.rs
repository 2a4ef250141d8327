//! A client of a node, by a connection that is served as any other.

use std::{sync::Arc, time::Duration};

use ringback_call::{CallId, Origin};
use ringback_session::Departure;
use ringback_wire::{CloseCode, Format};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use crate::{Incoming, Node, Transport, admission::Newcomer, serve};

/// Frames on their way.
const ROOM: usize = 256;
/// It waits no longer to be told something.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a client is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Frame(String),
    Close(CloseCode),
}

pub(crate) struct Client {
    says: Sender<Incoming>,
    told: Receiver<Told>,
}

impl Client {
    /// A user's only device comes, and says that it has seen this of its calls.
    pub(crate) fn comes(node: &Arc<Node>, who: &Origin, seen: &[(CallId, u64)]) -> Self {
        let ((says, incoming), (tell, told)) = (channel(ROOM), channel(ROOM));
        let transport = Line { incoming, says: says.clone(), tell };
        let place = node.admission.enter(Newcomer::default()).unwrap();
        tokio::spawn(serve(Arc::clone(node), transport, Format::Json, place));
        let client = Self { says, told };
        let (user, device, session) = (who.user.as_str(), who.device.as_str(), who.session.as_str());
        let seen: Vec<_> = seen.iter().map(|(call, seq)| format!(r#""{}":{seq}"#, call.as_str())).collect();
        client.say(&format!(
            r#"{{"type":"hello","id":1,"token":"{user}","device":"{device}","session":"{session}","seen":{{{}}}}}"#,
            seen.join(",")
        ));
        client
    }

    pub(crate) fn say(&self, frame: &str) {
        self.says.try_send(Incoming::Frame(frame.to_owned().into())).unwrap();
    }

    /// What it is told next.
    pub(crate) async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    /// The next frame it is told in which this is found.
    pub(crate) async fn told_of(&mut self, what: &str) -> String {
        loop {
            match self.told().await {
                Told::Frame(frame) if frame.contains(what) => return frame,
                Told::Frame(_) => {}
                Told::Close(code) => panic!("closed with {code:?}"),
            }
        }
    }

    /// Why it is closed, after whatever it is told before.
    pub(crate) async fn closed(&mut self) -> CloseCode {
        loop {
            if let Told::Close(code) = self.told().await {
                return code;
            }
        }
    }
}

/// Its end of the connection; it answers each ping.
struct Line {
    incoming: Receiver<Incoming>,
    says: Sender<Incoming>,
    tell: Sender<Told>,
}

impl Transport for Line {
    async fn receive(&mut self) -> Incoming {
        self.incoming.recv().await.unwrap_or(Incoming::End(Departure::Client))
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), Departure> {
        let frame = Told::Frame(String::from_utf8(frame).unwrap());
        self.tell.try_send(frame).map_err(|_| Departure::Client)
    }

    async fn flush(&mut self) -> Result<(), Departure> {
        Ok(())
    }

    async fn ping(&mut self, number: u64) -> Result<(), Departure> {
        self.says.try_send(Incoming::Pong(number)).map_err(|_| Departure::Client)
    }

    async fn close(&mut self, code: CloseCode) {
        let _ = self.tell.try_send(Told::Close(code));
    }
}
