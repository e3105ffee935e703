-- What was asked for: one row per recipient.
CREATE TABLE message (
  seq             INTEGER PRIMARY KEY,
  id              TEXT    NOT NULL UNIQUE,
  app             TEXT    NOT NULL,
  to_number       TEXT    NOT NULL,
  to_raw          TEXT    NOT NULL,
  country         TEXT,
  category        TEXT    NOT NULL CHECK (category IN ('otp', 'alert', 'transactional', 'notification', 'bulk')),
  severity        TEXT    CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  priority        INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
  state           TEXT    NOT NULL CHECK (state IN ('scheduled', 'queued', 'sending', 'sent', 'delivered',
                                                    'undelivered', 'failed', 'expired', 'canceled', 'unknown')),
  -- Of category otp: with its codes masked. The text itself is in `sealed` until it has left.
  text            TEXT    NOT NULL,
  sealed          BLOB,
  encoding        TEXT    NOT NULL CHECK (encoding IN ('gsm7', 'ucs2')),
  parts           INTEGER NOT NULL CHECK (parts BETWEEN 1 AND 255),
  flash           INTEGER NOT NULL CHECK (flash IN (0, 1)),
  -- 16-bit concatenation references: part of how it was cut into parts.
  ref16           INTEGER NOT NULL CHECK (ref16 IN (0, 1)),
  -- The only modem that may send it, when the caller named one.
  from_modem      TEXT,
  client_ref      TEXT,
  -- Names its parts on the handset, on the SIM of `route`.
  reference       INTEGER,
  route           TEXT,
  from_number     TEXT,
  -- Tries begun (and not taken back), tries that count against message.max_attempts, and set-backs in a row
  -- that say nothing about this message.
  tries           INTEGER NOT NULL DEFAULT 0,
  strikes         INTEGER NOT NULL DEFAULT 0,
  setbacks        INTEGER NOT NULL DEFAULT 0,
  may_be_duplicate INTEGER NOT NULL DEFAULT 0 CHECK (may_be_duplicate IN (0, 1)),
  error_code      TEXT,
  error_text      TEXT,
  -- Why it is held back, until next_attempt_at. All NULL: it may go now, and what it waits for is the line.
  hold_code       TEXT,
  hold_text       TEXT,
  next_attempt_at INTEGER,
  created_at      INTEGER NOT NULL,
  scheduled_at    INTEGER,
  expires_at      INTEGER NOT NULL,
  sent_at         INTEGER,
  delivered_at    INTEGER,
  -- When the last report window of its parts is over.
  closes_at       INTEGER
) STRICT;

-- store.line: what may go now, best class first, then the oldest; those that name a modem apart, so that a crowd
-- that waits for one stick does not hide the line from the others.
CREATE INDEX message_in_line ON message (priority, from_modem, seq)
  WHERE state = 'queued' AND next_attempt_at IS NULL;
-- store.release_due: what is held back, by the end of its hold.
CREATE INDEX message_held ON message (next_attempt_at)
  WHERE next_attempt_at IS NOT NULL;
-- store.expire: what has not been sent, by its end; store.recover: what was under way when the process ended.
-- It holds what is `sending` too, so that an intent does not touch it.
CREATE INDEX message_unsent ON message (expires_at)
  WHERE state IN ('scheduled', 'queued', 'sending');
-- store.list with ?to=
CREATE INDEX message_to ON message (to_number, seq);
-- store.list with ?client_ref=
CREATE INDEX message_client_ref ON message (client_ref, seq)
  WHERE client_ref IS NOT NULL;

-- One TPDU.
CREATE TABLE part (
  message         INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  number          INTEGER NOT NULL,
  state           TEXT    NOT NULL CHECK (state IN ('queued', 'sending', 'uncertain', 'sent', 'delivered',
                                                    'unconfirmed', 'replaced', 'undelivered', 'expired')),
  route           TEXT,
  sim             TEXT,
  -- The digits by which a report recognises the recipient.
  recipient_tail  TEXT,
  mr              INTEGER CHECK (mr BETWEEN 0 AND 255),
  -- Names the try that it is or was under way in: a late record of an earlier try must not touch a later one.
  ticket          INTEGER,
  tried_at        INTEGER,
  accepted_at     INTEGER,
  window_ends_at  INTEGER,
  tp_status       INTEGER,
  reported_at     INTEGER,
  PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

-- store.report: parts that wait for this reference.
CREATE INDEX part_awaiting_report ON part (sim, mr)
  WHERE state = 'sent';
-- store.recover, store.settle, store.report, store.unsettled_since: parts whose outcome is not known.
CREATE INDEX part_unsettled ON part (route, tried_at)
  WHERE state IN ('sending', 'uncertain');

-- What happened to a message, in order.
CREATE TABLE event (
  message INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  number  INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  part    INTEGER,
  route   TEXT,
  detail  TEXT,
  PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

-- Reports that came before the reference they belong to was stored, or that fit nothing.
CREATE TABLE orphan_report (
  number         INTEGER PRIMARY KEY,
  sim            TEXT    NOT NULL,
  mr             INTEGER NOT NULL,
  recipient      TEXT    NOT NULL,
  tp_status      INTEGER NOT NULL,
  accepted_at    INTEGER,
  discharged_at  INTEGER,
  received_at    INTEGER NOT NULL
) STRICT;

-- store.part_accepted: a report that overtook the answer.
CREATE INDEX orphan_report_by_reference ON orphan_report (sim, mr);

-- What is remembered of each SIM over restarts.
CREATE TABLE sim (
  id           TEXT    PRIMARY KEY,
  modem        TEXT    NOT NULL,
  last_mr      INTEGER,
  mean_send_ms INTEGER NOT NULL,
  seen_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers already given, by caller, method, path and Idempotency-Key (hashed together).
CREATE TABLE idempotency (
  scope      BLOB    PRIMARY KEY,
  body_mac   BLOB    NOT NULL,
  status     INTEGER NOT NULL,
  location   TEXT,
  answer     TEXT    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- store.forget: answers older than idempotency.ttl.
CREATE INDEX idempotency_age ON idempotency (created_at);
