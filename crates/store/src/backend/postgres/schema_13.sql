-- Version 13. Nodes: servers on this store, each for as long as its lease lasts by the clock of the database. A shard is
-- that node's which `owner` names; `epoch` rises whenever it changes hands, and its owner writes under it.
CREATE TABLE ringback.node (
    no           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    version      text NOT NULL,
    process      text NOT NULL,
    since        timestamptz NOT NULL,
    leased_until timestamptz NOT NULL,
    leaves       boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE TABLE ringback.shard (
    no    smallint PRIMARY KEY,
    owner bigint,
    epoch bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO ringback.shard (no, epoch) SELECT no, 0 FROM generate_series(0, 255) AS no;

-- In which transaction a configuration has changed last, so that nodes see what others have changed.
ALTER TABLE ringback.configuration ADD COLUMN changed_in xid8;
CREATE INDEX configuration_changed ON ringback.configuration (changed_in) WHERE changed_in IS NOT NULL;
