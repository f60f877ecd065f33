-- Version 11. Messages that a poller gets: noted in the commit that accepts them, read in the order of numbers.
CREATE TABLE polled (
    poller  INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (poller, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX polled_by_message ON polled (message);
