-- Version 8. Bytes of payload that are kept of an application: counted by the pass that reads messages some seconds after
-- their acceptance, and given back when a payload goes.
CREATE TABLE usage (
    app   INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO usage (app, bytes)
    SELECT app, sum(COALESCE(length(payload), 0) + COALESCE(length(raw), 0)) FROM message
    WHERE no <= COALESCE((SELECT value FROM meta WHERE name = 'mentions_read_to'), 0) GROUP BY app;
