-- Schema 4. Each part of it is of one thought; the order of the parts does not matter.

-- Identity and epoch ------------------------------------------------------------------------------------------------

-- Time --------------------------------------------------------------------------------------------------------------

-- Slices ------------------------------------------------------------------------------------------------------------

-- Deletions ---------------------------------------------------------------------------------------------------------

-- `due`: when it is tried next. `since`: when it was due first. `attempts`: how often it failed.
ALTER TABLE deletion ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deletion ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
UPDATE deletion SET since = due;

-- Each provider is asked for its own deletions: one that is away keeps no other's waiting.
DROP INDEX deletion_due;
CREATE INDEX deletion_due ON deletion (provider, due, part_id);

-- Scrub -------------------------------------------------------------------------------------------------------------

-- Quotas ------------------------------------------------------------------------------------------------------------

