-- Version 7. Who changed what.
CREATE TABLE audit (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    org INTEGER NOT NULL,
    at INTEGER NOT NULL,
    author TEXT NOT NULL,
    thing TEXT NOT NULL,
    deed TEXT NOT NULL,
    app TEXT,
    subject TEXT NOT NULL,
    title TEXT NOT NULL,
    changes TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_org ON audit (org, no);
