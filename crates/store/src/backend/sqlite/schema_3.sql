-- Version 3. Counts for charts, by minute (span 1), hour (2) and day (3), of endpoints (which name their `app` and
-- `org`), applications and organizations. `counts` is a JSON array.
CREATE TABLE tally (
    span    INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    app     INTEGER NOT NULL,
    org     INTEGER NOT NULL,
    counts  TEXT NOT NULL,
    PRIMARY KEY (span, start, subject)
) STRICT, WITHOUT ROWID;
