-- Version 15. A delivery that failed together with the one before it in its queue waits behind it as before: `not_before` is
-- when it may be tried again at the earliest, once it comes out.
ALTER TABLE ringback.delivery ADD COLUMN not_before bigint;
