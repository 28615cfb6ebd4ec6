-- Schema 4. Each part of it is of one thought; the order of the parts does not matter.

-- Identity and epoch ------------------------------------------------------------------------------------------------

-- Time --------------------------------------------------------------------------------------------------------------

-- Slices ------------------------------------------------------------------------------------------------------------

-- The content that a version shares with others; NULL: its own, which has its id. The index gives the longest of those
-- that share one.
ALTER TABLE version ADD COLUMN shares INTEGER;
CREATE INDEX version_shares ON version (shares, length) WHERE shares IS NOT NULL;

-- Contents that no version sees any more, from a position on: they go in steps.
CREATE TABLE leftover (
    content_id INTEGER PRIMARY KEY,
    position   INTEGER NOT NULL
) STRICT;

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

