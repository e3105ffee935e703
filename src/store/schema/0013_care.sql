-- What keeps SIMs alive and their balance known, by SIM: whatever modem it is in, it is asked and written to no more often.
CREATE TABLE sim_care (
  sim              TEXT    PRIMARY KEY,
  first_seen_at    INTEGER NOT NULL,
  -- When the network was asked last, whether or not it answered.
  balance_asked_at INTEGER,
  -- In ten-thousandths, and when the network said so.
  balance          INTEGER,
  balance_at       INTEGER,
  balance_is_low   INTEGER NOT NULL DEFAULT 0 CHECK (balance_is_low IN (0, 1)),
  -- When a text was accepted that keeps it alive.
  kept_alive_at    INTEGER
) STRICT, WITHOUT ROWID;

-- What befell modems and their SIMs that is no step of recovery, such as modem.low_balance.
CREATE TABLE modem_event (
  number INTEGER PRIMARY KEY,
  modem  TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  type   TEXT    NOT NULL,
  detail TEXT    NOT NULL
) STRICT;
