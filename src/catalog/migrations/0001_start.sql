-- The first schema.
--
-- Names (keys of objects) are BLOBs: they compare as bytes and may hold NUL. Times are milliseconds since the epoch.
-- Versions and contents of upload parts draw their ids from one counter, so a slice belongs to either.
-- Room for later: further rows of `version` for a key beside the current one, further `placement` rows for a part.

CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('content', 0);

CREATE TABLE tenant_key (
    tenant  TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    version INTEGER NOT NULL,
    wrapped BLOB    NOT NULL,
    PRIMARY KEY (tenant, purpose, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE bucket (
    bucket_id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

-- A version of an object. Its id is also its content's id.
-- No foreign key to bucket: nothing searches versions by bucket, and its check would have to.
CREATE TABLE version (
    version_id   INTEGER PRIMARY KEY,
    bucket_id    INTEGER NOT NULL,
    key          BLOB    NOT NULL,
    length       INTEGER NOT NULL CHECK (length >= 0),
    etag         TEXT    NOT NULL,
    modified     INTEGER NOT NULL,
    metadata     TEXT    NOT NULL,
    part_lengths TEXT    NOT NULL,
    upload_id    TEXT,           -- the upload that was completed into it
    completion   BLOB            -- SHA-256 of the parts that completion named
) STRICT;

-- The current version of each key, with all that a listing shows: a page is one run of neighbouring rows.
CREATE TABLE object (
    bucket_id  INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key        BLOB    NOT NULL,
    version_id INTEGER NOT NULL,
    length     INTEGER NOT NULL,
    etag       TEXT    NOT NULL,
    modified   INTEGER NOT NULL,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
    upload_row INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket_id  INTEGER NOT NULL REFERENCES bucket (bucket_id),
    key        BLOB    NOT NULL,
    upload_id  TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    metadata   TEXT    NOT NULL,
    checksum   TEXT,
    UNIQUE (bucket_id, key, upload_id)
) STRICT;

CREATE TABLE upload_part (
    upload_row INTEGER NOT NULL REFERENCES upload (upload_row),
    number     INTEGER NOT NULL CHECK (number BETWEEN 1 AND 10000),
    content_id INTEGER NOT NULL,
    length     INTEGER NOT NULL CHECK (length >= 0),
    etag       TEXT    NOT NULL,
    md5        BLOB,
    modified   INTEGER NOT NULL,
    checksums  TEXT    NOT NULL,
    PRIMARY KEY (upload_row, number)
) STRICT, WITHOUT ROWID;

-- `slices` counts the slices that refer to the part; the row goes when it reaches 0.
CREATE TABLE part (
    part_id       BLOB    NOT NULL PRIMARY KEY CHECK (length(part_id) = 16),
    tenant        TEXT    NOT NULL,
    length        INTEGER NOT NULL CHECK (length > 0),
    padded_length INTEGER NOT NULL CHECK (padded_length >= length),
    key_version   INTEGER NOT NULL,
    wrapped_key   BLOB    NOT NULL,
    slices        INTEGER NOT NULL CHECK (slices >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE placement (
    part_id  BLOB NOT NULL REFERENCES part (part_id),
    provider TEXT NOT NULL,
    PRIMARY KEY (part_id, provider)
) STRICT, WITHOUT ROWID;

-- No foreign key to part: its check on deletion would need an index by part that nothing else uses.
-- The count in `part` and the audit take its place.
CREATE TABLE slice (
    content_id  INTEGER NOT NULL,
    position    INTEGER NOT NULL CHECK (position >= 0),
    part_id     BLOB    NOT NULL,
    part_offset INTEGER NOT NULL CHECK (part_offset >= 0),
    length      INTEGER NOT NULL CHECK (length > 0),
    PRIMARY KEY (content_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE part_block (
    prefix   BLOB    NOT NULL PRIMARY KEY CHECK (length(prefix) = 12),
    tenant   TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    reserved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deletion (
    part_id  BLOB    NOT NULL,
    provider TEXT    NOT NULL,
    tenant   TEXT    NOT NULL,
    chunks   INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    PRIMARY KEY (part_id, provider)
) STRICT, WITHOUT ROWID;

CREATE INDEX deletion_due ON deletion (due, part_id, provider);
