-- Schema 5.

-- What was done at once to the versions of a name that are not current, up to an id, and was too much for one write.
-- 'delete': snapshots that were there were deleted (`at`, `until`). 'restore': what was deleted is back. 'forget': what was
-- deleted goes.
ALTER TABLE ending ADD COLUMN what TEXT NOT NULL DEFAULT 'delete' CHECK (what IN ('delete', 'restore', 'forget'));

-- Snapshots that are there, among however many retained versions.
CREATE INDEX past_there ON past (bucket_id, key, snapshot) WHERE deleted IS NULL;
