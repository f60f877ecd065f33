-- Version 2. A message may name a URL of its own. A delivery that no request can be made of is held: `held` is since when,
-- and `due` when it is tried for the last time.
ALTER TABLE ringback.message ADD COLUMN callback_url text;
ALTER TABLE ringback.delivery ADD COLUMN held bigint;
CREATE INDEX delivery_held ON ringback.delivery (endpoint, due, message) WHERE held IS NOT NULL;
