//! What can be watched.

macro_rules! gauges {
    ($($variant:ident $name:literal $metric:literal $title:literal $unit:ident,)*) => {
        /// Something that a server has more or less of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Gauge {
            $(#[doc = $title] $variant,)*
        }

        impl Gauge {
            /// All of them, in the order of reports.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// As in thresholds, before `_growth` and `_growth_percent`, and in JSON.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// As a gateway has it on `/metrics`; empty if it has not.
            pub(crate) fn metric(self) -> &'static str {
                match self { $(Self::$variant => $metric,)* }
            }

            /// In words.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// How it is shown.
            pub(crate) fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }
        }
    };
}

gauges! {
    Memory "memory" "process_resident_memory_bytes" "Resident memory" MiB,
    Files "fd" "process_open_fds" "Open files" Number,
    Threads "threads" "process_threads" "Threads" Number,
    Tasks "tasks" "ringback_tasks" "Tasks of the gateway's runtime" Number,
    Connections "connections" "ringback_connections" "Connections, as gateways count them" Number,
    Calls "calls" "ringback_calls" "Live calls, as gateways count them" Number,
    Background "background_work" "ringback_background_work" "Work that nobody waits for" Number,
    Keys "keys" "" "Keys in Redis" Number,
    UsedMemory "used_memory" "" "Memory that Redis uses" MiB,
}

/// What a gauge is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As it is.
    Number,
    /// Bytes, shown in mebibytes.
    MiB,
}

impl Unit {
    /// How it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::MiB => "MiB",
        }
    }

    /// A value in this unit.
    pub(crate) const fn of(self, value: f64) -> f64 {
        match self {
            Self::Number => value,
            Self::MiB => value / 1_048_576.0,
        }
    }
}
