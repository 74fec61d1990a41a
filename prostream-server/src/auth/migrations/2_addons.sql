CREATE TABLE addons (
    id            TEXT    NOT NULL PRIMARY KEY,
    token_hash    BLOB    NOT NULL UNIQUE,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch         INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    settings      TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER
);
CREATE INDEX addons_by_user ON addons (user_id);

-- A playback hangs on the sign-in or on the addon that began it, and ends with it.
CREATE TABLE media_grants_of_all (
    playback_id   TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sign_in_id    TEXT    REFERENCES sign_ins (id) ON DELETE CASCADE,
    addon_id      TEXT    REFERENCES addons (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL,
    CHECK ((sign_in_id IS NULL) <> (addon_id IS NULL))
);
INSERT INTO media_grants_of_all (playback_id, user_id, sign_in_id, addon_id, created_at_ms)
    SELECT playback_id, user_id, sign_in_id, NULL, created_at_ms FROM media_grants;
DROP TABLE media_grants;
ALTER TABLE media_grants_of_all RENAME TO media_grants;
CREATE INDEX media_grants_by_sign_in ON media_grants (sign_in_id);
CREATE INDEX media_grants_by_addon ON media_grants (addon_id);
