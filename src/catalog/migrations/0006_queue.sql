-- Schema 6.

-- How many deletions wait, and how many of them have failed: one row. Kept by triggers: no path that queues or takes off can
-- forget to count.
CREATE TABLE deletion_count (
    only    INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    waiting INTEGER NOT NULL,
    failing INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO deletion_count SELECT 1, count(*), count(nullif(attempts, 0)) FROM deletion;

CREATE TRIGGER deletion_comes AFTER INSERT ON deletion BEGIN
    UPDATE deletion_count SET waiting = waiting + 1, failing = failing + (NEW.attempts > 0);
END;
CREATE TRIGGER deletion_fails AFTER UPDATE OF attempts ON deletion WHEN (NEW.attempts > 0) <> (OLD.attempts > 0) BEGIN
    UPDATE deletion_count SET failing = failing + (NEW.attempts > 0) - (OLD.attempts > 0);
END;
CREATE TRIGGER deletion_goes AFTER DELETE ON deletion BEGIN
    UPDATE deletion_count SET waiting = waiting - 1, failing = failing - (OLD.attempts > 0);
END;

-- When those that have failed were due first. Those that have not are due when they were due first.
CREATE INDEX deletion_failing ON deletion (since) WHERE attempts > 0;
