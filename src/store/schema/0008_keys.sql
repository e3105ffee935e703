-- Who may call. Of a key only its SHA-256 is kept.
CREATE TABLE api_key (
  seq        INTEGER PRIMARY KEY,
  id         TEXT    NOT NULL UNIQUE,
  hash       BLOB    NOT NULL UNIQUE,
  name       TEXT    NOT NULL,
  app        TEXT    NOT NULL,
  -- Words and networks, with single spaces between them.
  scopes     TEXT    NOT NULL,
  cidrs      TEXT    NOT NULL,
  -- Messages left; NULL: any number.
  credit     INTEGER CHECK (credit >= 0),
  enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;

-- What was done by whom: never a code, a password or a key.
CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  -- The id of the key, or 'admin'.
  key     TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  object  TEXT,
  address TEXT
) STRICT;

-- store.forget: entries older than retention.log_days.
CREATE INDEX audit_age ON audit (at);
