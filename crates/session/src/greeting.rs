//! A connection that has not said who it is.

use ringback_wire::{ClientFrame, CloseCode, ErrorCode, ErrorFrame, Format, FrameError, Hello, Limits};

/// Waits for the first frame.
#[derive(Debug)]
pub struct Greeting {
    format: Format,
    limits: Limits,
}

/// What the first frame was instead of a `hello`: the reply, if one can be given, and how the connection is closed.
#[derive(Debug, PartialEq, Eq)]
pub struct NotGreeted {
    /// Sent first.
    pub reply: Option<ErrorFrame>,
    /// Then closed so.
    pub close: CloseCode,
}

impl Greeting {
    /// Of a connection in this format.
    pub const fn new(format: Format, limits: Limits) -> Self {
        Self { format, limits }
    }

    /// Takes the first frame.
    ///
    /// # Errors
    /// Anything but a proper `hello` ends the connection: 4500.
    pub fn receive(self, bytes: &[u8]) -> Result<Box<Hello>, NotGreeted> {
        let refused = |id, code, message: String| NotGreeted {
            reply: Some(ErrorFrame::new(id, code, message)),
            close: CloseCode::BadFrame,
        };
        match self.format.decode(bytes, &self.limits) {
            Ok(ClientFrame::Hello(hello)) => Ok(hello),
            Ok(ClientFrame::Request(request)) => Err(refused(
                Some(request.id.0),
                ErrorCode::Unauthorized,
                "the first frame must be hello".into(),
            )),
            Ok(ClientFrame::Seen(_)) => {
                Err(refused(None, ErrorCode::Unauthorized, "the first frame must be hello".into()))
            }
            Err(FrameError::Refused { id, code, message }) => Err(refused(id, code, message)),
            Err(FrameError::Malformed) => Err(NotGreeted { reply: None, close: CloseCode::BadFrame }),
        }
    }
}
