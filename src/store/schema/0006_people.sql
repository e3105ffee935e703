-- What the owner of a number wants to be told, where it is not the usual.
CREATE TABLE preference (
  number        TEXT    PRIMARY KEY,
  sms_enabled   INTEGER NOT NULL CHECK (sms_enabled IN (0, 1)),
  email_enabled INTEGER NOT NULL CHECK (email_enabled IN (0, 1)),
  min_severity  TEXT    NOT NULL CHECK (min_severity IN ('low', 'medium', 'high', 'critical')),
  -- Minutes since midnight.
  quiet_start   INTEGER NOT NULL CHECK (quiet_start BETWEEN 0 AND 1439),
  quiet_end     INTEGER NOT NULL CHECK (quiet_end BETWEEN 0 AND 1439),
  -- NULL: that of the server, whatever it is then.
  timezone      TEXT
) STRICT, WITHOUT ROWID;

-- Numbers that are not to be written to. `seq` is the order in which they came.
CREATE TABLE suppression (
  seq        INTEGER PRIMARY KEY,
  number     TEXT    NOT NULL UNIQUE,
  reason     TEXT    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- What happened that is no step of a message.
CREATE TABLE occurrence (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL CHECK (kind IN ('alert.skipped', 'suppression.added', 'suppression.removed')),
  -- Whose it is; NULL: everybody's.
  app     TEXT,
  number  TEXT    NOT NULL,
  detail  TEXT    NOT NULL
) STRICT;

-- store.forget: older than seven days.
CREATE INDEX occurrence_age ON occurrence (at);

-- store.reconsider_quiet: what waits for the end of quiet hours.
CREATE INDEX message_quiet ON message (next_attempt_at)
  WHERE hold_code = 'quiet_hours';

-- What the wall clock stood at when this machine was started, as it was last known, and the first message since.
CREATE TABLE clock (
  only        INTEGER PRIMARY KEY CHECK (only = 1),
  boot        TEXT    NOT NULL,
  booted_at   INTEGER NOT NULL,
  first_seq   INTEGER NOT NULL
) STRICT;
