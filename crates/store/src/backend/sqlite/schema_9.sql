-- Version 9. Tags of messages, and where the messages with a tag are, in the order of lists.
ALTER TABLE message ADD COLUMN tags TEXT;
CREATE TABLE message_tag (
    app     INTEGER NOT NULL,
    tag     TEXT NOT NULL,
    id      BLOB NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (app, tag, id)
) STRICT, WITHOUT ROWID;
