-- The tables in PostgreSQL, version 1. Times are microseconds since the Unix epoch, ids are their 20 bytes. The number of
-- an application and of all that belongs to it carries their shard in its highest bits (`shard.rs`), so that each key
-- below begins with the shard. Texts that a producer is free to choose are kept as bytes: a text has no zero bytes here.

-- Numbers are drawn one at a time: two that are drawn one after the other rise, whoever draws them.
CREATE SEQUENCE ringback.document_no CACHE 1;
CREATE SEQUENCE ringback.message_no CACHE 1;
CREATE SEQUENCE ringback.attempt_no CACHE 1;

-- Configuration. `secret` is sealed. A deleted document keeps its row and gives its key and uid free.
CREATE TABLE ringback.document (
    no         bigint PRIMARY KEY,
    kind       smallint NOT NULL,
    parent     bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    uid        text COLLATE "C",
    version    bigint NOT NULL,
    deleted_at bigint,
    body       text NOT NULL,
    secret     bytea
);
CREATE UNIQUE INDEX document_by_key ON ringback.document (parent, kind, key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX document_by_uid ON ringback.document (parent, kind, uid)
    WHERE deleted_at IS NULL AND uid IS NOT NULL;

-- The version of all the configuration of an application: rises with each change of it or of its endpoints.
CREATE TABLE ringback.configuration (
    app     bigint PRIMARY KEY,
    version bigint NOT NULL
);

-- What was accepted, in the order of `no` within each shard.
CREATE TABLE ringback.message (
    no               bigint PRIMARY KEY,
    app              bigint NOT NULL,
    accepted_at      bigint NOT NULL,
    expires_at       bigint NOT NULL,
    occurred_at      bigint,
    priority         smallint NOT NULL,
    id               bytea NOT NULL,
    event_type       text NOT NULL,
    event_id         bytea,
    channels         bytea[],
    ordering_key     bytea,
    raw_content_type text,
    raw              bytea,
    payload          bytea
);
CREATE UNIQUE INDEX message_by_id ON ringback.message (app, id);
CREATE UNIQUE INDEX message_by_event_id ON ringback.message (app, event_id) WHERE event_id IS NOT NULL;

-- One message for one endpoint. Pending (state 1) it is one of: due (`due`), behind an earlier one of its queue (a
-- `queue` and no `due`), or wanted by hand only (`manual_due` alone). Ended it may still be wanted by hand.
CREATE TABLE ringback.delivery (
    message    bigint NOT NULL,
    endpoint   bigint NOT NULL,
    due        bigint,
    queue      bigint,
    manual_due bigint,
    tries      integer NOT NULL,
    unsent     integer NOT NULL,
    state      smallint NOT NULL,
    priority   smallint NOT NULL,
    reason     smallint,
    PRIMARY KEY (message, endpoint)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX delivery_due ON ringback.delivery (endpoint, priority, due, message) WHERE due IS NOT NULL;
CREATE INDEX delivery_by_hand ON ringback.delivery (endpoint, manual_due, message) WHERE manual_due IS NOT NULL;
CREATE INDEX delivery_queue ON ringback.delivery (endpoint, queue, message) WHERE queue IS NOT NULL AND state = 1;

-- One HTTP exchange.
CREATE TABLE ringback.attempt (
    message       bigint NOT NULL,
    endpoint      bigint NOT NULL,
    no            bigint NOT NULL,
    started_at    bigint NOT NULL,
    dns_us        integer NOT NULL,
    connect_us    integer NOT NULL,
    tls_us        integer NOT NULL,
    first_byte_us integer NOT NULL,
    total_us      integer NOT NULL,
    status        integer,
    outcome       smallint NOT NULL,
    by_hand       boolean NOT NULL,
    id            bytea NOT NULL,
    address       bytea,
    url           text NOT NULL,
    response      bytea NOT NULL,
    PRIMARY KEY (message, id)
);
CREATE INDEX attempt_by_endpoint ON ringback.attempt (endpoint, id);

-- Requests that are answered once only, by a hash that begins with no shard because it is spread evenly as it is.
-- `answer` is a message's id, a document's number in 8 bytes, or nothing.
CREATE TABLE ringback.idempotency (
    key        bytea PRIMARY KEY,
    body       bytea NOT NULL,
    expires_at bigint NOT NULL,
    answer     bytea NOT NULL
);
CREATE INDEX idempotency_by_expiry ON ringback.idempotency (expires_at);

-- Endpoints that are failing; a healthy one has no row.
CREATE TABLE ringback.health (
    endpoint      bigint PRIMARY KEY,
    failing_since bigint,
    probe_at      bigint,
    probe_wait    bigint
);
