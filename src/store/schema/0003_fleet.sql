-- Which PIN was tried on which SIM: a keyed hash of both. A row that says 'tried' forbids another try.
CREATE TABLE pin_try (
  lock  BLOB    PRIMARY KEY,
  state TEXT    NOT NULL CHECK (state IN ('tried', 'opened')),
  at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Parts that a SIM was given to send, by hour since 1970: what its quotas are counted in.
CREATE TABLE sim_use (
  sim   TEXT    NOT NULL,
  hour  INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  PRIMARY KEY (sim, hour)
) STRICT, WITHOUT ROWID;

-- What was done to bring modems back, and what came of it.
CREATE TABLE recovery (
  number  INTEGER PRIMARY KEY,
  modem   TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  rung    TEXT    NOT NULL,
  outcome TEXT    NOT NULL CHECK (outcome IN ('begun', 'helped', 'unavailable')),
  why     TEXT    NOT NULL
) STRICT;

-- store.helped: what brought this modem back the last time.
CREATE INDEX recovery_helped ON recovery (modem, number)
  WHERE outcome = 'helped';
