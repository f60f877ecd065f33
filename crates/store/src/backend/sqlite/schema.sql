-- The tables of the embedded store, version 1. Times are microseconds since the Unix epoch, ids are their 20 bytes.

-- Single values: `master_key_check`, and counters that never go back.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Configuration. `secret` is sealed. A deleted document keeps its row and gives its key and uid free.
CREATE TABLE document (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       INTEGER NOT NULL,
    parent     INTEGER NOT NULL,
    key        TEXT NOT NULL,
    uid        TEXT,
    version    INTEGER NOT NULL,
    deleted_at INTEGER,
    body       TEXT NOT NULL,
    secret     BLOB
) STRICT;
CREATE UNIQUE INDEX document_by_key ON document (kind, parent, key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX document_by_uid ON document (kind, parent, uid) WHERE deleted_at IS NULL AND uid IS NOT NULL;

-- The version of all the configuration of an application: rises with each change of it or of its endpoints.
CREATE TABLE configuration (
    app     INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT;

-- What was accepted, in the order of `no`. Large columns stand last, so that lists do not read them.
CREATE TABLE message (
    no               INTEGER PRIMARY KEY,
    app              INTEGER NOT NULL,
    id               BLOB NOT NULL,
    event_type       TEXT NOT NULL,
    event_id         TEXT,
    channels         TEXT,
    ordering_key     TEXT,
    priority         INTEGER NOT NULL,
    occurred_at      INTEGER,
    accepted_at      INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    raw_content_type TEXT,
    raw              BLOB,
    payload          BLOB
) STRICT;
CREATE UNIQUE INDEX message_by_id ON message (app, id);
CREATE UNIQUE INDEX message_by_event_id ON message (app, event_id) WHERE event_id IS NOT NULL;

-- One message for one endpoint. Pending (state 1) it is one of: due (`due`), behind an earlier one of its queue (a
-- `queue` and no `due`), or wanted by hand only (`manual_due` alone). Ended it may still be wanted by hand.
CREATE TABLE delivery (
    message    INTEGER NOT NULL,
    endpoint   INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    priority   INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    unsent     INTEGER NOT NULL,
    due        INTEGER,
    queue      INTEGER,
    manual_due INTEGER,
    reason     INTEGER,
    PRIMARY KEY (message, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (endpoint, priority, due, message) WHERE due IS NOT NULL;
CREATE INDEX delivery_by_hand ON delivery (endpoint, manual_due, message) WHERE manual_due IS NOT NULL;
CREATE INDEX delivery_queue ON delivery (endpoint, queue, message) WHERE queue IS NOT NULL AND state = 1;

-- One HTTP exchange. Clustered by message, which is nearly the order of time.
CREATE TABLE attempt (
    message       INTEGER NOT NULL,
    id            BLOB NOT NULL,
    endpoint      INTEGER NOT NULL,
    no            INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    by_hand       INTEGER NOT NULL,
    outcome       INTEGER NOT NULL,
    status        INTEGER,
    dns_us        INTEGER NOT NULL,
    connect_us    INTEGER NOT NULL,
    tls_us        INTEGER NOT NULL,
    first_byte_us INTEGER NOT NULL,
    total_us      INTEGER NOT NULL,
    address       BLOB,
    url           TEXT NOT NULL,
    response      BLOB NOT NULL,
    PRIMARY KEY (message, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_endpoint ON attempt (endpoint, id);

-- Requests that are answered once only. `answer` is a message's id, a document's number, or nothing. The youngest keys in
-- the order they came; the others by key.
CREATE TABLE idempotency_young (
    no         INTEGER PRIMARY KEY,
    key        BLOB NOT NULL,
    body       BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    answer     ANY
) STRICT;
CREATE TABLE idempotency (
    key        BLOB PRIMARY KEY,
    body       BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    answer     ANY
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- Endpoints that are failing; a healthy one has no row.
CREATE TABLE health (
    endpoint      INTEGER PRIMARY KEY,
    failing_since INTEGER,
    probe_at      INTEGER,
    probe_wait    INTEGER
) STRICT;
