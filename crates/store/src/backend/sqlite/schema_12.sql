-- Version 12. What was noticed and is still to be told: a JSON object each.
CREATE TABLE notice (
    no   INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT;
