-- Version 6. Not before when, and until when, a message is sent. When a part of the messages (4,096 numbers) is visited
-- because something in it is to go, and when that was noted last: those that are there already, at once.
ALTER TABLE message ADD COLUMN deliver_at INTEGER;
ALTER TABLE message ADD COLUMN deliver_until INTEGER;
CREATE TABLE upkeep (
    part     INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX upkeep_by_time ON upkeep (at);
INSERT INTO upkeep (part, at, noted_at)
    WITH RECURSIVE found (part) AS (
        SELECT min(no) >> 12 FROM message
        UNION ALL
        SELECT (SELECT min(no) >> 12 FROM message WHERE no >= (found.part + 1) << 12) FROM found WHERE found.part IS NOT NULL
    )
    SELECT part, 0, 0 FROM found WHERE part IS NOT NULL;
