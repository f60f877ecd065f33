-- Version 5. What a request went without, by its number; 0: nothing.
ALTER TABLE ringback.attempt ADD COLUMN left_out smallint NOT NULL DEFAULT 0;
