CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    canonical_name TEXT    NOT NULL UNIQUE,
    password_hash  TEXT    NOT NULL,
    role           TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    is_disabled    BOOLEAN NOT NULL,
    created_at_ms  INTEGER NOT NULL
);

CREATE TABLE sign_ins (
    id            TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    is_revoked    BOOLEAN NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at_ms);

CREATE TABLE refresh_tokens (
    hash        BLOB    NOT NULL PRIMARY KEY,
    sign_in_id  TEXT    NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    spent_at_ms INTEGER
);
CREATE INDEX refresh_tokens_by_sign_in ON refresh_tokens (sign_in_id);

CREATE TABLE media_grants (
    playback_id   TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sign_in_id    TEXT    NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL
);
CREATE INDEX media_grants_by_sign_in ON media_grants (sign_in_id);
