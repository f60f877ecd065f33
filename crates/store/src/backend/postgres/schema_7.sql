-- Version 7. Who changed what.
CREATE TABLE ringback.audit (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org bigint NOT NULL,
    at bigint NOT NULL,
    author text NOT NULL,
    thing text NOT NULL,
    deed text NOT NULL,
    app text,
    subject text NOT NULL,
    title text NOT NULL,
    changes text NOT NULL
);
CREATE INDEX audit_by_org ON ringback.audit (org, no);
