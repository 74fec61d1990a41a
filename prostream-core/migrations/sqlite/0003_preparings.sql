-- Torrents that a service fetches for a viewer, from before it is asked until they play or are given up. Without a `torrent` the service may or
-- may not have been told: written before it is asked. `was_known` = 0: not there before us, to be taken away if it is not played. `is_ending` = 1:
-- given up, what is left is to take it away. No link and no key stands here.
CREATE TABLE preparings (
    id            TEXT    NOT NULL PRIMARY KEY,
    owner         TEXT    NOT NULL,
    media_id      TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    release       TEXT    NOT NULL,
    service       TEXT    NOT NULL,
    info_hash     TEXT    NOT NULL CHECK (length(info_hash) = 40),
    torrent       TEXT,
    was_known     INTEGER NOT NULL CHECK (was_known IN (0, 1)),
    is_ending     INTEGER NOT NULL CHECK (is_ending IN (0, 1)),
    device        TEXT    NOT NULL,
    start_ms      INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
