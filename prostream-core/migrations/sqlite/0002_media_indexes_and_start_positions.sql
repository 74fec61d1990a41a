-- What was read of a file, by its content: another file of the same length and ends is the same. `format` is that of the bytes; a row of
-- another format is dropped when it is asked for.
CREATE TABLE media_indexes (
    content_id TEXT    NOT NULL PRIMARY KEY,
    format     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    used_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX media_indexes_by_use ON media_indexes (used_at_ms);

-- Names under which that content is known: a file of a torrent, a link, a file on this machine; links are hashed.
CREATE TABLE media_aliases (
    alias      TEXT    NOT NULL PRIMARY KEY,
    content_id TEXT    NOT NULL REFERENCES media_indexes (content_id) ON DELETE CASCADE,
    validator  TEXT,
    used_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX media_aliases_by_content ON media_aliases (content_id, used_at_ms);

-- Where a viewer wished to begin, in milliseconds.
ALTER TABLE playbacks ADD COLUMN start_ms INTEGER;
