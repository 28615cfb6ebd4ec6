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

-- Parts with a put that ended in doubt: it may still arrive. At `at` it is decided whether their chunks are deleted (again).
CREATE TABLE second_look (
    part_id  BLOB    NOT NULL,
    provider TEXT    NOT NULL,
    tenant   TEXT    NOT NULL,
    chunks   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (part_id, provider)
) STRICT, WITHOUT ROWID;

CREATE INDEX second_look_at ON second_look (at);

-- Blocks of part ids that an earlier process left open and that were looked through once. At `at` they are once more.
CREATE TABLE swept_block (
    prefix BLOB    NOT NULL PRIMARY KEY CHECK (length(prefix) = 12),
    tenant TEXT    NOT NULL,
    count  INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Scrub -------------------------------------------------------------------------------------------------------------

-- When the part's chunks were stored: a provider may show a new one late. 0: long ago.
ALTER TABLE part ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;

-- How far the round has come in which every part at a provider is looked at, and what was found that is still so.
CREATE TABLE scrub (
    provider TEXT    NOT NULL PRIMARY KEY,
    began    INTEGER NOT NULL,           -- this round
    whole    INTEGER,                    -- when the last round began that came to its end
    after    BLOB,                       -- the last part that was looked at in this round
    looked   INTEGER NOT NULL,           -- how many were
    parts    INTEGER NOT NULL            -- how many there were when it began
) STRICT, WITHOUT ROWID;

CREATE TABLE scrub_finding (
    provider TEXT NOT NULL,
    part_id  BLOB NOT NULL,
    fault    TEXT NOT NULL,
    PRIMARY KEY (provider, part_id)
) STRICT, WITHOUT ROWID;

-- Quotas ------------------------------------------------------------------------------------------------------------

