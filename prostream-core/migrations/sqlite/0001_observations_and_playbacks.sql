-- What a service was known to hold. An observation fades: readers look at its age, `prune` drops old ones.
CREATE TABLE observations (
    service      TEXT    NOT NULL,
    info_hash    TEXT    NOT NULL CHECK (length(info_hash) = 40),
    availability TEXT    NOT NULL CHECK (availability IN ('ready', 'absent', 'refused')),
    seen_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (service, info_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX observations_by_age ON observations (seen_at_ms);

-- One viewer playing one thing. Times are milliseconds since 1970-01-01 UTC: text sorts wrong across precisions.
CREATE TABLE playbacks (
    id            TEXT    NOT NULL PRIMARY KEY,
    owner         TEXT    NOT NULL,
    media_id      TEXT,
    name          TEXT    NOT NULL,
    reopen        TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX playbacks_by_owner ON playbacks (owner, created_at_ms);
CREATE INDEX playbacks_by_end ON playbacks (expires_at_ms);
