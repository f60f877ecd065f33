-- Version 10. Attempts that did not end as they should, for those who look for them among many that did.
CREATE INDEX attempt_amiss ON attempt (endpoint, id) WHERE outcome <> 0 OR status IS NULL OR status / 100 <> 2;
