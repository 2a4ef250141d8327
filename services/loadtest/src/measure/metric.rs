//! Every time that is measured.

/// What a time is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// A call's set-up and its parts.
    Setup,
    /// From the sender's asking until the other side has it.
    Delivery,
    /// From the sender's asking until the gateway says that it is stored.
    Ack,
    /// Connections.
    Connection,
    /// The load tool itself.
    Tool,
}

impl Group {
    /// All, in the order of reports.
    pub(crate) const ALL: [Self; 5] = [Self::Setup, Self::Delivery, Self::Ack, Self::Connection, Self::Tool];

    /// Its heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Setup => "Set-up of a call, from when it was to begin",
            Self::Delivery => "Delivery: from one client to the other",
            Self::Ack => "Ack: until the gateway has stored it",
            Self::Connection => "Connections",
            Self::Tool => "The load tool itself",
        }
    }
}

macro_rules! metrics {
    ($($variant:ident $name:literal $group:ident $about:literal,)*) => {
        /// A time that is measured.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Metric {
            $(#[doc = $about] $variant,)*
        }

        impl Metric {
            /// All of them, in the order of reports.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// As in thresholds, in JSON and on `/metrics`.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is a part of.
            pub(crate) fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group,)* }
            }

            /// What it is, in words.
            pub(crate) fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

metrics! {
    Setup "setup" Setup "until both know that media flow both ways; the time it rang is left out",
    SetupRing "setup_ring" Setup "until the callee's device is told",
    SetupAccept "setup_accept" Setup "from the accept until the caller knows",
    SetupNegotiate "setup_negotiate" Setup "from the offer until the caller has the answer",
    SetupTrickle "setup_trickle" Setup "both sides' candidates, one after the other",
    SetupConnect "setup_connect" Setup "from saying that media flow until both know it of both",
    DeliveryInit "delivery_init" Delivery "call:init, as call:incoming",
    DeliveryRinging "delivery_ringing" Delivery "call:ringing",
    DeliveryAccept "delivery_accept" Delivery "call:accept, as call:accepted",
    DeliveryOffer "delivery_offer" Delivery "webrtc:offer",
    DeliveryAnswer "delivery_answer" Delivery "webrtc:answer",
    DeliveryIce "delivery_ice" Delivery "webrtc:ice",
    DeliveryConnected "delivery_connected" Delivery "call:connected, the later one, to either side",
    DeliveryEnd "delivery_end" Delivery "call:end or call:reject, as call:ended",
    AckInit "ack_init" Ack "call:init",
    AckRinging "ack_ringing" Ack "call:ringing",
    AckAccept "ack_accept" Ack "call:accept",
    AckReject "ack_reject" Ack "call:reject",
    AckOffer "ack_offer" Ack "webrtc:offer",
    AckAnswer "ack_answer" Ack "webrtc:answer",
    AckIce "ack_ice" Ack "webrtc:ice",
    AckConnected "ack_connected" Ack "call:connected",
    AckEnd "ack_end" Ack "call:end",
    Upgrade "upgrade" Connection "TCP, TLS and the WebSocket's upgrade",
    Hello "hello" Connection "from hello to its ack",
    Reconnect "reconnect" Connection "from the first try to come back until the session is resumed",
    Lag "lag" Tool "how late the tool itself began a call: the figures are no better than this",
}
