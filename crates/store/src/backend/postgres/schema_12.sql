-- Version 12. What was noticed and is still to be told: a JSON object each.
CREATE TABLE ringback.notice (
    no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL
);
