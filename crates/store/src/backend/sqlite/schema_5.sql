-- Version 5. What a request went without, by its number; 0: nothing.
ALTER TABLE attempt ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
