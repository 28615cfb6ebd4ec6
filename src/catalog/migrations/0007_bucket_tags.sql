-- Schema 7.

-- Tags of a bucket, as JSON. None: no row.
CREATE TABLE bucket_tags (
    bucket_id INTEGER PRIMARY KEY,
    tags      TEXT NOT NULL
) STRICT;

CREATE TRIGGER bucket_with_tags_goes AFTER DELETE ON bucket BEGIN
    DELETE FROM bucket_tags WHERE bucket_id = OLD.bucket_id;
END;
