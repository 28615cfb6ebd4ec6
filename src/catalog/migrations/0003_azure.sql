-- What the Azure front needs: states of objects, leases, snapshots, retained deletions, blocks, tags.

-- `revision`: which state of the object a version is, drawn from the counter of contents. `blocks`: the blocks that a
-- list of blocks was committed of; last, so that no other column lies behind it.
ALTER TABLE version ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE version ADD COLUMN blocks BLOB;
UPDATE version SET revision = version_id;

-- Beside the name: what conditions are held against and what is carried over to the version that replaces it.
ALTER TABLE object ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE object ADD COLUMN created INTEGER;   -- NULL: when it was modified
ALTER TABLE object ADD COLUMN tags TEXT;         -- NULL: none
UPDATE object SET revision = version_id;

-- A bucket without a tenant was dropped: its name is free, what it holds waits to be removed. Its name is its id then.
ALTER TABLE bucket ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE bucket ADD COLUMN policies TEXT NOT NULL DEFAULT '[]';
UPDATE bucket SET modified = created;

-- Leases that were acquired and not released. An empty key: of the bucket itself. Times are of the steady clock.
CREATE TABLE lease (
    bucket_id INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key       BLOB    NOT NULL,
    lease_id  TEXT    NOT NULL,
    duration  INTEGER,           -- in seconds; NULL: for ever
    expires   INTEGER,
    breaks    INTEGER,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;

-- Versions that are not current, with all that a listing shows: snapshots, and what was deleted and is retained.
-- What was deleted as a current version has the highest number but one, so it comes after the snapshots of its name.
CREATE TABLE past (
    bucket_id     INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key           BLOB    NOT NULL,
    snapshot      INTEGER NOT NULL,  -- when it was taken, in units of 100 ns
    version_id    INTEGER NOT NULL,
    length        INTEGER NOT NULL,
    etag          TEXT    NOT NULL,
    modified      INTEGER NOT NULL,
    storage_class TEXT,
    revision      INTEGER NOT NULL,
    deleted       INTEGER,           -- when it was deleted; NULL: it is a snapshot that is there
    until         INTEGER,           -- until when it is retained
    PRIMARY KEY (bucket_id, key, snapshot),
    CHECK ((deleted IS NULL) = (until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX past_until ON past (until) WHERE until IS NOT NULL;

-- Names that have uncommitted blocks.
CREATE TABLE uncommitted (
    uncommitted_id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket_id      INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key            BLOB    NOT NULL,
    id_bytes       INTEGER NOT NULL,  -- what the names of its blocks decode to
    blocks         INTEGER NOT NULL,  -- how many there are
    touched        INTEGER NOT NULL,  -- when the last one came
    UNIQUE (bucket_id, key)
) STRICT;

CREATE INDEX uncommitted_touched ON uncommitted (touched);

CREATE TABLE block (
    uncommitted_id INTEGER NOT NULL REFERENCES uncommitted (uncommitted_id),
    block_id       TEXT    NOT NULL,
    content_id     INTEGER NOT NULL,
    length         INTEGER NOT NULL CHECK (length > 0),
    md5            BLOB,
    PRIMARY KEY (uncommitted_id, block_id)
) STRICT, WITHOUT ROWID;

-- Tags of current versions, to find them by.
CREATE TABLE tag (
    bucket_id INTEGER NOT NULL REFERENCES bucket (bucket_id),
    name      TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    key       BLOB    NOT NULL,
    PRIMARY KEY (bucket_id, name, value, key)
) STRICT, WITHOUT ROWID;
