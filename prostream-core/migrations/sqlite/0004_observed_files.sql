-- What was seen of one file of a torrent, beside what was seen of the torrent as a whole, whose `file` is empty: what was there stays as that.
-- `file` is the path as the service writes it; of a long one, `sha256:` and its hash. A new table, for SQLite changes neither keys nor checks.
CREATE TABLE observations_of_files (
    service      TEXT    NOT NULL,
    info_hash    TEXT    NOT NULL CHECK (length(info_hash) = 40),
    file         TEXT    NOT NULL CHECK (length(file) <= 512),
    availability TEXT    NOT NULL CHECK (availability IN ('played', 'ready', 'absent', 'refused')),
    seen_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (service, info_hash, file)
) STRICT, WITHOUT ROWID;

INSERT INTO observations_of_files (service, info_hash, file, availability, seen_at_ms)
    SELECT service, info_hash, '', availability, seen_at_ms FROM observations;

DROP TABLE observations;
ALTER TABLE observations_of_files RENAME TO observations;

CREATE INDEX observations_by_age ON observations (seen_at_ms);
