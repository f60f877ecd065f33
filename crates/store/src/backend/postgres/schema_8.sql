-- Version 8. Bytes of payload that are kept of an application: counted by the pass that reads messages some seconds after
-- their acceptance, and given back when a payload goes.
CREATE TABLE ringback.usage (
    app   bigint PRIMARY KEY,
    bytes bigint NOT NULL
);
INSERT INTO ringback.usage (app, bytes)
    SELECT m.app, sum(COALESCE(octet_length(m.payload), 0) + COALESCE(octet_length(m.raw), 0)) FROM ringback.message m
    JOIN ringback.mention_cursor c ON c.shard = (m.no >> 55) << 55 AND m.no <= c.read_to GROUP BY m.app;
