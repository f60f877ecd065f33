-- Version 9. Tags of messages, and where the messages with a tag are, in the order of lists.
ALTER TABLE ringback.message ADD COLUMN tags bytea[];
CREATE TABLE ringback.message_tag (
    app     bigint NOT NULL,
    tag     bytea NOT NULL,
    id      bytea NOT NULL,
    message bigint NOT NULL,
    PRIMARY KEY (app, tag, id)
);
