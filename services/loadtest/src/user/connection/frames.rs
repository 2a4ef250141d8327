//! What goes over a connection once it is there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::error::TrySendError;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Connection, Left, SEEN};
use crate::{
    measure::count::{Count, Label},
    protocol::{Kind, codec::Codec, frame::Frame, request::Request},
    user::{Ask, Told, dial::Socket, ledger::Verdict, pending::Waiting},
};

/// Close codes from here on say: do not come back.
const FOR_GOOD: u16 = 4_500;
/// When to ask again if a gateway names no time.
const AGAIN: u64 = 500;

impl Connection {
    /// Says what a script asks.
    pub(super) async fn say(&mut self, ask: Ask, socket: &mut Socket) -> Result<(), Left> {
        let Ask { mut request, at, counted } = ask;
        let kind = request.kind;
        let id = (self.codec != Codec::Floor).then(|| self.id());
        request.id = id;
        request.seen = std::mem::take(&mut self.unreported);
        self.report_at = None;
        let Ok(frame) = self.codec.encode(&request) else {
            self.world.measures.label(Label::Error, "a request that can't be written");
            return Ok(());
        };
        if let Some(id) = id {
            let waiting = Waiting { kind, at, counted, frame: frame.clone(), refused: false };
            self.pending.add(id, waiting);
        }
        self.send(frame, socket).await
    }

    /// Says what was seen and no request took along.
    pub(super) async fn report(&mut self, socket: &mut Socket) -> Result<(), Left> {
        self.report_at = None;
        let report = Request { calls: std::mem::take(&mut self.unreported), ..Request::new(Kind::Seen) };
        match self.codec.encode(&report) {
            Ok(frame) => self.send(frame, socket).await,
            Err(_) => Ok(()),
        }
    }

    /// What came from the server, or how the connection ended.
    pub(super) fn hear(&mut self, message: Option<Result<Message, Error>>, at: Instant) -> Result<(), Left> {
        let message = match message {
            None | Some(Err(_)) => return Err(self.dropped()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(close))) => {
                let code = close.map_or(1005, |close| u16::from(close.code));
                self.world.measures.label(Label::Close, &code.to_string());
                return Err(if code >= FOR_GOOD { Left::ForGood } else { self.dropped() });
            }
            Some(Ok(message)) => message,
        };
        let Ok(frame) = self.codec.decode(&message) else {
            self.world.measures.label(Label::Error, "a frame that can't be read");
            return Ok(());
        };
        match frame.kind {
            Kind::Ack | Kind::Error => {
                self.reply(frame, at);
                Ok(())
            }
            Kind::Kept => Ok(()),
            Kind::GoAway => {
                self.world.measures.label(Label::Close, "goaway");
                let after = Duration::from_millis(frame.reconnect_after_ms.unwrap_or_default());
                Err(Left::Until(at + after))
            }
            _ => {
                self.event(frame, at);
                Ok(())
            }
        }
    }

    fn reply(&mut self, frame: Frame, at: Instant) {
        let measures = &self.world.measures;
        let refused = (frame.kind == Kind::Error).then(|| frame.code.clone().unwrap_or_default());
        if let Some(code) = &refused {
            measures.label(Label::Error, code);
        }
        let id = frame.id.unwrap_or_default();
        if refused.as_deref() == Some("unavailable") && self.pending.refuse(id) {
            let after = Duration::from_millis(frame.retry_after_ms.unwrap_or(AGAIN));
            self.again_at.get_or_insert(at + after);
            return;
        }
        let Some(waiting) = self.pending.take(id) else {
            return measures.label(Label::Error, "a reply to nothing that was asked");
        };
        let told = match refused {
            Some(code) => Told::Refused(waiting.kind, code),
            None => {
                if let Some(metric) = waiting.kind.ack().filter(|_| waiting.counted) {
                    measures.time(metric, at.duration_since(waiting.at));
                }
                if let (Kind::Init, Some(call)) = (waiting.kind, &frame.call) {
                    self.ledger.know(call);
                }
                Told::Ack(waiting.kind, Box::new(frame))
            }
        };
        self.tell(told);
    }

    fn event(&mut self, frame: Frame, at: Instant) {
        let Some(call) = frame.call.clone() else {
            return self.world.measures.label(Label::Error, "an event without a call");
        };
        let verdict = self.ledger.note(&call, &frame, at);
        if let Some(seq) = frame.seq {
            self.unreported.insert(Arc::clone(&call), seq);
            self.report_at.get_or_insert(at + SEEN);
        }
        let wrong = match verdict {
            Verdict::Fresh => return self.tell(Told::Event(at, Box::new(frame))),
            Verdict::Doubled => Count::Doubled,
            Verdict::OutOfOrder => Count::OutOfOrder,
            Verdict::AfterEnd => Count::AfterEnd,
        };
        self.world.measures.count(wrong);
    }

    fn tell(&self, told: Told) {
        if let Err(TrySendError::Full(_)) = self.told.try_send(told) {
            self.world.measures.label(Label::Error, "unread by its own script");
        }
    }
}
