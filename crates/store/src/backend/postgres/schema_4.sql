-- Version 4. Words that messages are found by: written after the acceptance. A part holds those of a million messages.
CREATE TABLE ringback.mention (
    part    bigint NOT NULL,
    app     bigint NOT NULL,
    word    text COLLATE "C" NOT NULL,
    message bigint NOT NULL,
    PRIMARY KEY (part, app, word, message)
);

-- How far the pass that reads words has come, by shard (the number that it begins at).
CREATE TABLE ringback.mention_cursor (
    shard   bigint PRIMARY KEY,
    read_to bigint NOT NULL
);
