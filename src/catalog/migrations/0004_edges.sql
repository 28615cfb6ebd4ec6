-- Schema 4. Each part of it is of one thought; the order of the parts does not matter.

-- Identity and epoch ------------------------------------------------------------------------------------------------

-- Who this catalog is: one row.
CREATE TABLE identity (
    only           INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    catalog_id     BLOB    NOT NULL CHECK (length(catalog_id) = 16),
    wrapped_secret BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- The epoch that was entered, and the one that was about to be.
CREATE TABLE epoch (
    state  TEXT    NOT NULL PRIMARY KEY CHECK (state IN ('entered', 'intended')),
    number INTEGER NOT NULL CHECK (number > 0),
    nonce  BLOB    NOT NULL CHECK (length(nonce) = 16)
) STRICT, WITHOUT ROWID;

-- Providers that this catalog's marker lies at: no part is placed at another.
CREATE TABLE marked (
    provider TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

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

-- What each client has: bytes and versions that it wrote (current, snapshots, retained), bytes of upload parts and blocks that
-- wait, uploads and names with blocks that wait. Copies count as if their bytes were their own. What was written before this
-- schema is nobody's. Kept by triggers: no path that writes or removes can forget to count.
CREATE TABLE usage (
    client  TEXT    NOT NULL PRIMARY KEY,
    bytes   INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    uploads INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose the blocks under a name are: who put the first.
ALTER TABLE uncommitted ADD COLUMN client TEXT;

-- How many bytes an upload's parts have. NULL: they are going, and count no more; so they go with one count, however many
-- they are.
ALTER TABLE upload ADD COLUMN bytes INTEGER DEFAULT 0;
UPDATE upload SET bytes = coalesce(
    (SELECT sum(length) FROM upload_part WHERE upload_part.upload_row = upload.upload_row), 0);

CREATE TRIGGER version_comes AFTER INSERT ON version WHEN NEW.metadata ->> '$.owner' IS NOT NULL BEGIN
    INSERT INTO usage VALUES (NEW.metadata ->> '$.owner', NEW.length, 1, 0)
        ON CONFLICT (client) DO UPDATE SET bytes = bytes + NEW.length, objects = objects + 1;
END;
CREATE TRIGGER version_changes AFTER UPDATE OF length ON version WHEN NEW.metadata ->> '$.owner' IS NOT NULL BEGIN
    UPDATE usage SET bytes = bytes + NEW.length - OLD.length WHERE client = NEW.metadata ->> '$.owner';
END;
CREATE TRIGGER version_goes AFTER DELETE ON version WHEN OLD.metadata ->> '$.owner' IS NOT NULL BEGIN
    UPDATE usage SET bytes = bytes - OLD.length, objects = objects - 1 WHERE client = OLD.metadata ->> '$.owner';
END;
CREATE TRIGGER upload_comes AFTER INSERT ON upload WHEN NEW.metadata ->> '$.owner' IS NOT NULL BEGIN
    INSERT INTO usage VALUES (NEW.metadata ->> '$.owner', 0, 0, 1)
        ON CONFLICT (client) DO UPDATE SET uploads = uploads + 1;
END;
CREATE TRIGGER upload_goes AFTER DELETE ON upload WHEN OLD.metadata ->> '$.owner' IS NOT NULL BEGIN
    UPDATE usage SET uploads = uploads - 1 WHERE client = OLD.metadata ->> '$.owner';
END;
CREATE TRIGGER upload_ends AFTER UPDATE OF bytes ON upload WHEN NEW.bytes IS NULL BEGIN
    UPDATE usage SET bytes = bytes - OLD.bytes WHERE client = OLD.metadata ->> '$.owner';
    UPDATE bucket_usage SET bytes = bytes - OLD.bytes WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER upload_part_comes AFTER INSERT ON upload_part BEGIN
    UPDATE upload SET bytes = bytes + NEW.length WHERE upload_row = NEW.upload_row;
    UPDATE bucket_usage SET bytes = bytes + NEW.length
        WHERE bucket_id = (SELECT bucket_id FROM upload WHERE upload_row = NEW.upload_row);
    UPDATE usage SET bytes = bytes + NEW.length
        WHERE client = (SELECT metadata ->> '$.owner' FROM upload WHERE upload_row = NEW.upload_row);
END;
CREATE TRIGGER upload_part_goes AFTER DELETE ON upload_part
    WHEN (SELECT bytes FROM upload WHERE upload_row = OLD.upload_row) IS NOT NULL BEGIN
    UPDATE upload SET bytes = bytes - OLD.length WHERE upload_row = OLD.upload_row;
    UPDATE bucket_usage SET bytes = bytes - OLD.length
        WHERE bucket_id = (SELECT bucket_id FROM upload WHERE upload_row = OLD.upload_row);
    UPDATE usage SET bytes = bytes - OLD.length
        WHERE client = (SELECT metadata ->> '$.owner' FROM upload WHERE upload_row = OLD.upload_row);
END;
CREATE TRIGGER uncommitted_comes AFTER INSERT ON uncommitted WHEN NEW.client IS NOT NULL BEGIN
    INSERT INTO usage VALUES (NEW.client, 0, 0, 1) ON CONFLICT (client) DO UPDATE SET uploads = uploads + 1;
END;
CREATE TRIGGER uncommitted_goes AFTER DELETE ON uncommitted WHEN OLD.client IS NOT NULL BEGIN
    UPDATE usage SET uploads = uploads - 1 WHERE client = OLD.client;
END;
CREATE TRIGGER block_comes AFTER INSERT ON block BEGIN
    UPDATE usage SET bytes = bytes + NEW.length
        WHERE client = (SELECT client FROM uncommitted WHERE uncommitted_id = NEW.uncommitted_id);
END;
CREATE TRIGGER block_goes AFTER DELETE ON block BEGIN
    UPDATE usage SET bytes = bytes - OLD.length
        WHERE client = (SELECT client FROM uncommitted WHERE uncommitted_id = OLD.uncommitted_id);
END;

-- The same of each bucket, whoever wrote what it holds: what was written before this schema, too.
CREATE TABLE bucket_usage (
    bucket_id INTEGER PRIMARY KEY,
    bytes     INTEGER NOT NULL,
    objects   INTEGER NOT NULL,
    uploads   INTEGER NOT NULL
) STRICT;

INSERT INTO bucket_usage
    SELECT bucket_id, sum(bytes), sum(objects), sum(uploads) FROM (
        SELECT bucket_id, length AS bytes, 1 AS objects, 0 AS uploads FROM version
        UNION ALL SELECT bucket_id, 0, 0, 1 FROM upload
        UNION ALL SELECT bucket_id, upload_part.length, 0, 0 FROM upload_part JOIN upload USING (upload_row)
        UNION ALL SELECT bucket_id, 0, 0, 1 FROM uncommitted
        UNION ALL SELECT bucket_id, block.length, 0, 0 FROM block JOIN uncommitted USING (uncommitted_id))
    GROUP BY bucket_id;

CREATE TRIGGER bucket_goes AFTER DELETE ON bucket BEGIN
    DELETE FROM bucket_usage WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER held_version_comes AFTER INSERT ON version BEGIN
    INSERT INTO bucket_usage VALUES (NEW.bucket_id, NEW.length, 1, 0)
        ON CONFLICT (bucket_id) DO UPDATE SET bytes = bytes + NEW.length, objects = objects + 1;
END;
CREATE TRIGGER held_version_changes AFTER UPDATE OF length ON version WHEN NEW.length <> OLD.length BEGIN
    UPDATE bucket_usage SET bytes = bytes + NEW.length - OLD.length WHERE bucket_id = NEW.bucket_id;
END;
CREATE TRIGGER held_version_goes AFTER DELETE ON version BEGIN
    UPDATE bucket_usage SET bytes = bytes - OLD.length, objects = objects - 1 WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER held_upload_comes AFTER INSERT ON upload BEGIN
    INSERT INTO bucket_usage VALUES (NEW.bucket_id, 0, 0, 1) ON CONFLICT (bucket_id) DO UPDATE SET uploads = uploads + 1;
END;
CREATE TRIGGER held_upload_goes AFTER DELETE ON upload BEGIN
    UPDATE bucket_usage SET uploads = uploads - 1 WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER held_uncommitted_comes AFTER INSERT ON uncommitted BEGIN
    INSERT INTO bucket_usage VALUES (NEW.bucket_id, 0, 0, 1) ON CONFLICT (bucket_id) DO UPDATE SET uploads = uploads + 1;
END;
CREATE TRIGGER held_uncommitted_goes AFTER DELETE ON uncommitted BEGIN
    UPDATE bucket_usage SET uploads = uploads - 1 WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER held_block_comes AFTER INSERT ON block BEGIN
    UPDATE bucket_usage SET bytes = bytes + NEW.length
        WHERE bucket_id = (SELECT bucket_id FROM uncommitted WHERE uncommitted_id = NEW.uncommitted_id);
END;
CREATE TRIGGER held_block_goes AFTER DELETE ON block BEGIN
    UPDATE bucket_usage SET bytes = bytes - OLD.length
        WHERE bucket_id = (SELECT bucket_id FROM uncommitted WHERE uncommitted_id = OLD.uncommitted_id);
END;

-- Deleted snapshots ---------------------------------------------------------------------------------------------------

-- Names whose snapshots, up to an id, were deleted all together, and were too many for one write. `at`: when. `until`: how long
-- they are retained; NULL: they go.
CREATE TABLE ending (
    bucket_id INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key       BLOB    NOT NULL,
    upto      INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    until     INTEGER,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;

-- Buckets that were dropped -------------------------------------------------------------------------------------------

-- `gone`: which deletion it was, from the counter of contents. Whose the bucket was and its name, when it was dropped, and until when it can be had back; NULL: it goes at once.
-- `whole`: it holds only what is retained; 0: what was not retained is being removed from it.
ALTER TABLE bucket ADD COLUMN gone INTEGER;
ALTER TABLE bucket ADD COLUMN gone_tenant TEXT;
ALTER TABLE bucket ADD COLUMN gone_name TEXT;
ALTER TABLE bucket ADD COLUMN deleted INTEGER;
ALTER TABLE bucket ADD COLUMN until INTEGER;
ALTER TABLE bucket ADD COLUMN whole INTEGER NOT NULL DEFAULT 1;

-- The last moment that something of a bucket is retained.
CREATE INDEX past_of_bucket ON past (bucket_id, until) WHERE until IS NOT NULL;

-- Those that can be had back, as a list has them.
CREATE INDEX bucket_gone ON bucket (gone_tenant, gone_name, gone) WHERE gone IS NOT NULL;

-- Pages of other origins ----------------------------------------------------------------------------------------------

-- Rules for them (CORS), of a bucket and of an account. None: no row.
CREATE TABLE bucket_cors (
    bucket_id INTEGER PRIMARY KEY,
    rules     TEXT NOT NULL
) STRICT;

CREATE TABLE account_cors (
    tenant TEXT NOT NULL PRIMARY KEY,
    rules  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER bucket_with_cors_goes AFTER DELETE ON bucket BEGIN
    DELETE FROM bucket_cors WHERE bucket_id = OLD.bucket_id;
END;

-- A browser that asks beforehand names a bucket, and no tenant.
CREATE INDEX bucket_name ON bucket (name);
