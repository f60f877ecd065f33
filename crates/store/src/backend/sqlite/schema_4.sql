-- Version 4. Words that messages are found by: written after the acceptance. A part holds those of a million messages.
CREATE TABLE mention (
    part    INTEGER NOT NULL,
    app     INTEGER NOT NULL,
    word    TEXT NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (part, app, word, message)
) STRICT, WITHOUT ROWID;
