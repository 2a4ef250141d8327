//! `hello` and its answer, which is the first frame.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::diary::{Diary, Note};
use super::line::Socket;
use crate::client::Seat;
use crate::shape::with;

/// Says `hello`; gives the ack, or why the connection is of no use.
pub(super) async fn greet(
    socket: &mut Socket,
    seat: &Seat,
    diary: &Diary,
    hello: Value,
) -> Result<Value, String> {
    let id = hello["id"].clone();
    let full = with(hello.clone(), json!({"token": seat.token}));
    diary.write(Note::Sent(hello));
    socket.send(seat.codec.frame(seat.codec.bytes(&full))).await.map_err(|error| error.to_string())?;
    let odd = |what: String| diary.write(Note::Odd(None, what));
    loop {
        let frame = match socket.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(close))) => {
                let code = code_of(close.as_ref());
                if !comes_back(code) {
                    odd(format!("hello was answered with {code}"));
                }
                return Err(format!("closed with {code}"));
            }
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("end of stream".to_owned()),
        };
        let frame = seat.codec.decode(&frame).map_err(|error| format!("can't be read: {error:#}"))?;
        diary.write(Note::Got(frame.clone()));
        if frame["type"] == "error" {
            if !["unavailable", "draining", "rate_limited"].iter().any(|code| frame["code"] == *code) {
                odd(format!("hello was refused: {}", frame["code"]));
            }
            // A close frame follows.
            continue;
        }
        if frame["type"] != "ack" || frame["id"] != id {
            odd(format!("{} came before the ack of hello", frame["type"]));
            return Err("the ack of hello must come first".to_owned());
        }
        return Ok(frame);
    }
}

/// The code of a close frame; 1005 stands for none.
pub(super) fn code_of(close: Option<&CloseFrame>) -> u16 {
    close.map_or(1005, |close| close.code.into())
}

/// Whether a client that is closed with this code comes back and resumes.
pub(super) fn comes_back(code: u16) -> bool {
    (4000..4500).contains(&code)
}
