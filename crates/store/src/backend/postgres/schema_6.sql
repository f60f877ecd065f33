-- Version 6. Not before when, and until when, a message is sent. When a part of the messages (4,096 numbers of a shard) is
-- visited because something in it is to go, and when that was noted last: those that are there already, at once.
ALTER TABLE ringback.message ADD COLUMN deliver_at bigint;
ALTER TABLE ringback.message ADD COLUMN deliver_until bigint;
CREATE TABLE ringback.upkeep (
    part     bigint PRIMARY KEY,
    at       bigint NOT NULL,
    noted_at bigint NOT NULL
);
CREATE INDEX upkeep_by_time ON ringback.upkeep (at);
INSERT INTO ringback.upkeep (part, at, noted_at)
    WITH RECURSIVE found (part) AS (
        SELECT min(no) >> 12 FROM ringback.message
        UNION ALL
        SELECT (SELECT min(no) >> 12 FROM ringback.message WHERE no >= (found.part + 1) << 12)
        FROM found WHERE found.part IS NOT NULL
    )
    SELECT part, 0, 0 FROM found WHERE part IS NOT NULL;
