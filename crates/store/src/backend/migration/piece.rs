//! What is carried over, a piece at a time: which rows of an embedded store become rows of which table in PostgreSQL.

use serde::{Deserialize, Serialize};

/// A table of the embedded store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backend) enum Piece {
    Documents,
    Configurations,
    Messages,
    Tags,
    Deliveries,
    Attempts,
    Polled,
    Words,
    Upkeep,
    Health,
    Usage,
    Tallies,
    Keys,
    YoungKeys,
    Audits,
    Notices,
}

/// A table in PostgreSQL, and the columns that rows are written with.
#[derive(Debug)]
pub(in crate::backend) struct Table {
    pub(in crate::backend) name: &'static str,
    pub(in crate::backend) columns: &'static [(&'static str, Column)],
    /// Its numbers are drawn by the table itself, unless they are given.
    pub(in crate::backend) draws: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Column {
    Big,
    Int,
    Small,
    Truth,
    Text,
    Bytes,
    Texts,
    Numbers,
}

use Column::{Big, Bytes, Int, Numbers, Small, Text, Texts, Truth};

impl Piece {
    /// All of them, in the order in which they are carried over.
    pub(in crate::backend) const ALL: [Self; 16] = [
        Self::Documents,
        Self::Configurations,
        Self::Messages,
        Self::Tags,
        Self::Deliveries,
        Self::Attempts,
        Self::Polled,
        Self::Words,
        Self::Upkeep,
        Self::Health,
        Self::Usage,
        Self::Tallies,
        Self::Keys,
        Self::YoungKeys,
        Self::Audits,
        Self::Notices,
    ];

    /// What people are told that it is.
    pub(in crate::backend) const fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Configurations => "configurations",
            Self::Messages => "messages",
            Self::Tags => "tags",
            Self::Deliveries => "deliveries",
            Self::Attempts => "attempts",
            Self::Polled => "messages of pollers",
            Self::Words => "words",
            Self::Upkeep => "upkeep",
            Self::Health => "health",
            Self::Usage => "usage",
            Self::Tallies => "counts",
            Self::Keys => "idempotency keys",
            Self::YoungKeys => "young idempotency keys",
            Self::Audits => "audits",
            Self::Notices => "notices",
        }
    }

    /// The table in the embedded store, its columns, and how many of them, from the first on, are its key.
    pub(in crate::backend) const fn source(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::Documents => ("document", "no, kind, parent, key, uid, version, deleted_at, body, secret", 1),
            Self::Configurations => ("configuration", "app, version", 1),
            Self::Messages => (
                "message",
                "no, app, accepted_at, expires_at, occurred_at, priority, id, event_type, event_id, channels, \
                 ordering_key, raw_content_type, raw, payload, callback_url, deliver_at, deliver_until, tags",
                1,
            ),
            Self::Tags => ("message_tag", "app, tag, id, message", 3),
            Self::Deliveries => (
                "delivery",
                "message, endpoint, due, queue, manual_due, tries, unsent, state, priority, reason, held, \
                 not_before",
                2,
            ),
            Self::Attempts => (
                "attempt",
                "message, id, endpoint, no, started_at, dns_us, connect_us, tls_us, first_byte_us, total_us, status, \
                 outcome, by_hand, address, url, response, left_out",
                2,
            ),
            Self::Polled => ("polled", "poller, message", 2),
            Self::Words => ("mention", "part, app, word, message", 4),
            Self::Upkeep => ("upkeep", "part, at, noted_at", 1),
            Self::Health => ("health", "endpoint, failing_since, probe_at, probe_wait", 1),
            Self::Usage => ("usage", "app, bytes", 1),
            Self::Tallies => ("tally", "span, start, subject, app, org, counts", 3),
            Self::Keys => ("idempotency", "key, body, expires_at, answer", 1),
            Self::YoungKeys => ("idempotency_young", "no, key, body, expires_at, answer", 1),
            Self::Audits => ("audit", "no, org, at, author, thing, deed, app, subject, title, changes", 1),
            Self::Notices => ("notice", "no, body", 1),
        }
    }

    /// The table in PostgreSQL.
    pub(in crate::backend) const fn table(self) -> &'static Table {
        match self {
            Self::Documents => &DOCUMENT,
            Self::Configurations => {
                &Table { name: "configuration", columns: &[("app", Big), ("version", Big)], draws: false }
            }
            Self::Messages => &MESSAGE,
            Self::Tags => &Table {
                name: "message_tag",
                columns: &[("app", Big), ("tag", Bytes), ("id", Bytes), ("message", Big)],
                draws: false,
            },
            Self::Deliveries => &DELIVERY,
            Self::Attempts => &ATTEMPT,
            Self::Polled => &Table { name: "polled", columns: &[("poller", Big), ("message", Big)], draws: false },
            Self::Words => &Table {
                name: "mention",
                columns: &[("part", Big), ("app", Big), ("word", Text), ("message", Big)],
                draws: false,
            },
            Self::Upkeep => {
                &Table { name: "upkeep", columns: &[("part", Big), ("at", Big), ("noted_at", Big)], draws: false }
            }
            Self::Health => &Table {
                name: "health",
                columns: &[("endpoint", Big), ("failing_since", Big), ("probe_at", Big), ("probe_wait", Big)],
                draws: false,
            },
            Self::Usage => &Table { name: "usage", columns: &[("app", Big), ("bytes", Big)], draws: false },
            Self::Tallies => &TALLY,
            Self::Keys | Self::YoungKeys => &Table {
                name: "idempotency",
                columns: &[("key", Bytes), ("body", Bytes), ("expires_at", Big), ("answer", Bytes)],
                draws: false,
            },
            Self::Audits => &AUDIT,
            Self::Notices => &Table { name: "notice", columns: &[("no", Big), ("body", Text)], draws: true },
        }
    }
}

const DOCUMENT: Table = Table {
    name: "document",
    columns: &[
        ("no", Big),
        ("kind", Small),
        ("parent", Big),
        ("key", Text),
        ("uid", Text),
        ("version", Big),
        ("deleted_at", Big),
        ("body", Text),
        ("secret", Bytes),
    ],
    draws: false,
};

const MESSAGE: Table = Table {
    name: "message",
    columns: &[
        ("no", Big),
        ("app", Big),
        ("accepted_at", Big),
        ("expires_at", Big),
        ("occurred_at", Big),
        ("priority", Small),
        ("id", Bytes),
        ("event_type", Text),
        ("event_id", Bytes),
        ("channels", Texts),
        ("ordering_key", Bytes),
        ("raw_content_type", Text),
        ("raw", Bytes),
        ("payload", Bytes),
        ("callback_url", Text),
        ("deliver_at", Big),
        ("deliver_until", Big),
        ("tags", Texts),
    ],
    draws: false,
};

const DELIVERY: Table = Table {
    name: "delivery",
    columns: &[
        ("message", Big),
        ("endpoint", Big),
        ("due", Big),
        ("queue", Big),
        ("manual_due", Big),
        ("tries", Int),
        ("unsent", Int),
        ("state", Small),
        ("priority", Small),
        ("reason", Small),
        ("held", Big),
        ("not_before", Big),
    ],
    draws: false,
};

const ATTEMPT: Table = Table {
    name: "attempt",
    columns: &[
        ("message", Big),
        ("id", Bytes),
        ("endpoint", Big),
        ("no", Big),
        ("started_at", Big),
        ("dns_us", Int),
        ("connect_us", Int),
        ("tls_us", Int),
        ("first_byte_us", Int),
        ("total_us", Int),
        ("status", Int),
        ("outcome", Small),
        ("by_hand", Truth),
        ("address", Bytes),
        ("url", Text),
        ("response", Bytes),
        ("left_out", Small),
    ],
    draws: false,
};

const TALLY: Table = Table {
    name: "tally",
    columns: &[("span", Big), ("start", Big), ("subject", Big), ("app", Big), ("org", Big), ("counts", Numbers)],
    draws: false,
};

const AUDIT: Table = Table {
    name: "audit",
    columns: &[
        ("no", Big),
        ("org", Big),
        ("at", Big),
        ("author", Text),
        ("thing", Text),
        ("deed", Text),
        ("app", Text),
        ("subject", Text),
        ("title", Text),
        ("changes", Text),
    ],
    draws: true,
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_piece_is_carried_over_once_and_its_key_stands_first() {
        let all: BTreeSet<_> = Piece::ALL.into_iter().collect();
        assert_eq!(all.len(), Piece::ALL.len());
        for piece in Piece::ALL {
            let (_, columns, key) = piece.source();
            assert!((1..=columns.split(',').count()).contains(&key), "{piece:?}");
        }
    }
}
