-- What a list shows of a name's metadata lies beside the name: otherwise each line of a page costs a seek in `version`.

ALTER TABLE object ADD COLUMN storage_class TEXT;

UPDATE object SET storage_class =
    (SELECT metadata ->> '$.storage_class' FROM version WHERE version.version_id = object.version_id);
