-- One proof of a number: what was asked for, how often it may be tried, how it ended. What a profile said when it was
-- made stays with it.
CREATE TABLE verification (
  seq          INTEGER PRIMARY KEY,
  id           TEXT    NOT NULL UNIQUE,
  app          TEXT    NOT NULL,
  to_number    TEXT    NOT NULL,
  -- As the caller wrote it.
  to_raw       TEXT    NOT NULL,
  country      TEXT,
  -- The number without its last three digits.
  block        TEXT    NOT NULL,
  purpose      TEXT    NOT NULL,
  profile      TEXT    NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'expired', 'canceled', 'max_attempts_reached')),
  resend       TEXT    NOT NULL CHECK (resend IN ('replace', 'keep', 'same_code')),
  ttl_ms       INTEGER NOT NULL,
  code_length  INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  locale       TEXT    NOT NULL,
  -- The template that its texts are made of, when it is none of the profile's.
  template     INTEGER,
  -- What the last line of its texts is for: at most one of them.
  domain       TEXT,
  app_hash     TEXT,
  client_ref   TEXT,
  -- JSON: what the caller counts by.
  rate_keys    TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  resend_after INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  verified_at  INTEGER,
  ended_at     INTEGER
) STRICT;

-- store.check, store.begin_verification: the newest of a number and purpose.
CREATE INDEX verification_of ON verification (app, to_number, purpose, seq);
-- store.close_verifications: those whose time is over.
CREATE INDEX verification_pending ON verification (expires_at)
  WHERE state = 'pending';
-- store.forget: those that ended long ago.
CREATE INDEX verification_ended ON verification (ended_at)
  WHERE ended_at IS NOT NULL;
-- The guard: what was asked for numbers of one block within the hour.
CREATE INDEX verification_block ON verification (block, created_at);

-- A code that was sent. Of the code itself only a keyed hash is kept; under `same_code` it is sealed until the end.
CREATE TABLE verification_code (
  verification INTEGER NOT NULL REFERENCES verification (seq) ON DELETE CASCADE,
  number       INTEGER NOT NULL,
  mac          BLOB    NOT NULL,
  sealed       BLOB,
  message      INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (verification, number)
) STRICT, WITHOUT ROWID;

-- A message that fails: the verification that waits for it.
CREATE INDEX verification_code_message ON verification_code (message);

-- More can happen than before. SQLite has no other way to a CHECK that is wider.
ALTER TABLE occurrence RENAME TO occurrence_before;
DROP INDEX occurrence_age;
CREATE TABLE occurrence (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL CHECK (kind IN ('alert.skipped', 'suppression.added', 'suppression.removed',
                                           'verification.sent', 'verification.approved', 'verification.failed',
                                           'verification.expired', 'guard.blocked', 'budget.exceeded')),
  -- Whose it is; NULL: everybody's.
  app     TEXT,
  number  TEXT    NOT NULL,
  detail  TEXT    NOT NULL
) STRICT;
INSERT INTO occurrence (seq, at, kind, app, number, detail)
SELECT seq, at, kind, app, number, detail
  FROM occurrence_before;
DROP TABLE occurrence_before;

-- store.forget: older than seven days.
CREATE INDEX occurrence_age ON occurrence (at);

-- Verifications by country and minute (since 1970), and how many of them came to something: a country may have more in an
-- hour than anybody wants to count for each.
CREATE TABLE country_minute (
  country  TEXT    NOT NULL,
  minute   INTEGER NOT NULL,
  begun    INTEGER NOT NULL,
  approved INTEGER NOT NULL,
  PRIMARY KEY (country, minute)
) STRICT, WITHOUT ROWID;

-- Blocks of numbers and countries that ask for codes and do not use them: so long no code goes there.
CREATE TABLE guard_hold (
  -- 'block ' and the first digits, or 'country ' and its code.
  place TEXT    PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Verifications by the day (since 1970, UTC) on which they were begun, and by how they stand. Kept by the database itself, and
-- when they themselves are forgotten.
CREATE TABLE verification_statistic (
  day           INTEGER NOT NULL,
  status        TEXT    NOT NULL,
  verifications INTEGER NOT NULL,
  PRIMARY KEY (day, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER verification_begins AFTER INSERT ON verification
BEGIN
  INSERT INTO verification_statistic (day, status, verifications)
  VALUES (new.created_at / 86400000, new.state, 1)
  ON CONFLICT DO UPDATE SET verifications = verifications + 1;
END;

CREATE TRIGGER verification_steps AFTER UPDATE OF state ON verification
  WHEN old.state <> new.state
BEGIN
  UPDATE verification_statistic
     SET verifications = verifications - 1
   WHERE day = old.created_at / 86400000 AND status = old.state;
  INSERT INTO verification_statistic (day, status, verifications)
  VALUES (new.created_at / 86400000, new.state, 1)
  ON CONFLICT DO UPDATE SET verifications = verifications + 1;
END;
