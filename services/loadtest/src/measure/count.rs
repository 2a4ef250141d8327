//! Everything that is counted.

macro_rules! counts {
    ($($variant:ident $name:literal $about:literal,)*) => {
        /// A number of things.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Count {
            $(#[doc = $about] $variant,)*
        }

        impl Count {
            /// All of them, in the order of reports.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// As in thresholds, in JSON and on `/metrics`.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is, in words.
            pub(crate) fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

counts! {
    Calls "calls" "calls begun",
    Failed "failed" "calls that did not go as they should",
    Delivered "delivered" "messages that came to the other side",
    Lost "lost" "messages that were stored and never came",
    Doubled "doubled" "messages that came twice",
    OutOfOrder "out_of_order" "messages that came behind a later one",
    Altered "altered" "messages that were not what had been sent",
    AfterEnd "after_end" "messages behind the end of their call",
    Unanswered "unanswered" "requests without a reply",
    Starved "starved" "calls left out since no users were free: raise users.calling",
    Cuts "cuts" "connections cut on purpose",
    Dropped "dropped" "connections that ended by themselves",
    Resumed "resumed" "sessions resumed, with proof that nothing is missing",
    Unproved "unproved" "sessions resumed without that proof",
    TurnedAway "turned_away" "upgrades answered with 503, tried again",
    NotReached "not_reached" "connections that could not be made, tried again",
    Gone "gone" "users who could not connect at all",
}

/// Numbers of things with a name each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Calls that went as they should, by how they went.
    Outcome,
    /// Calls that did not, by what went wrong.
    Failure,
    /// Refused requests, by code.
    Error,
    /// Connections that the server closed, by close code.
    Close,
}

impl Label {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 4] = [Self::Outcome, Self::Failure, Self::Error, Self::Close];

    /// As in JSON and on `/metrics`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcomes",
            Self::Failure => "failures",
            Self::Error => "errors",
            Self::Close => "closes",
        }
    }
}
