-- Version 11. Messages that a poller gets: noted in the commit that accepts them, read in the order of numbers.
CREATE TABLE ringback.polled (
    poller  bigint NOT NULL,
    message bigint NOT NULL,
    PRIMARY KEY (poller, message)
);
CREATE INDEX polled_by_message ON ringback.polled (message);
