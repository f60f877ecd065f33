-- Version 3. Counts for charts, by minute (span 1), hour (2) and day (3), of endpoints (which name their `app` and
-- `org`), applications and organizations.
CREATE TABLE ringback.tally (
    span    bigint NOT NULL,
    start   bigint NOT NULL,
    subject bigint NOT NULL,
    app     bigint NOT NULL,
    org     bigint NOT NULL,
    counts  bigint[] NOT NULL,
    PRIMARY KEY (span, start, subject)
);
