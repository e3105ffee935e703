-- One request with many recipients. `seq` is that of its first message; the others follow without a gap.
CREATE TABLE batch (
  seq          INTEGER PRIMARY KEY,
  id           TEXT    NOT NULL UNIQUE,
  app          TEXT    NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED')),
  category     TEXT    NOT NULL,
  -- Messages accepted, and where they stand: scheduled or queued; sending; sent or delivered; all else.
  total        INTEGER NOT NULL,
  waiting      INTEGER NOT NULL,
  sending      INTEGER NOT NULL,
  success      INTEGER NOT NULL,
  failed       INTEGER NOT NULL,
  -- Recipients that were refused, as JSON: index, to, code.
  rejected     TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  scheduled_at INTEGER,
  completed_at INTEGER,
  CHECK (waiting + sending + success + failed = total)
) STRICT;

-- store.batches of one app.
CREATE INDEX batch_app ON batch (app, seq);

-- The batch it came with. Its messages are a range of `seq`: no index is needed to find them.
ALTER TABLE message ADD COLUMN batch INTEGER;

-- 1: its text and its number are gone (retention.bodies_days); to_number is a country and a keyed hash.
ALTER TABLE message ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1));

-- store.list with ?status=: states that are rare among all that are stored. A message that fares well never touches it.
CREATE INDEX message_ended_badly ON message (state, seq)
  WHERE state IN ('undelivered', 'failed', 'expired', 'canceled', 'unknown');

-- Where in the order of acceptance the clock's hour (since 1970) changed: what a time means as a range of `seq`, at the
-- price of one row per hour. Clocks go back too: an hour may come more than once.
-- store.list with ?since= and ?until=
CREATE TABLE accepted_hour (
  first_seq INTEGER PRIMARY KEY,
  hour      INTEGER NOT NULL
) STRICT;

INSERT INTO accepted_hour (first_seq, hour)
SELECT seq, hour
  FROM (SELECT seq, created_at / 3600000 AS hour,
               LAG(created_at / 3600000) OVER (ORDER BY seq) AS before
          FROM message)
 WHERE hour IS NOT before;

-- How far forgetting has come: of everything up to `seq` it is gone.
CREATE TABLE forgotten (
  what TEXT    PRIMARY KEY CHECK (what IN ('bodies', 'events')),
  seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- store.forget: orphans by age.
CREATE INDEX orphan_report_age ON orphan_report (received_at);

-- Messages that are out of the queue, by the UTC day (since 1970) on which the network had taken all of them, or, where it
-- never did, on which they were accepted. Kept when the messages themselves are forgotten.
CREATE TABLE statistic (
  day      INTEGER NOT NULL,
  -- '' where it is not known.
  country  TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  -- '' for what was never tried.
  route    TEXT    NOT NULL,
  messages INTEGER NOT NULL,
  -- In ten-thousandths of budget.currency.
  cost     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (day, country, status, route)
) STRICT, WITHOUT ROWID;

INSERT INTO statistic (day, country, status, route, messages)
SELECT COALESCE(sent_at, created_at) / 86400000, COALESCE(country, ''), state, COALESCE(route, ''), COUNT(*)
  FROM message
 WHERE state NOT IN ('scheduled', 'queued', 'sending')
 GROUP BY 1, 2, 3, 4;

-- Kept by the database itself, so that no write can forget it: a step takes the message out of one cell and into another,
-- in its own transaction.
CREATE TRIGGER statistic_out AFTER UPDATE OF state ON message
  WHEN old.state <> new.state AND old.state NOT IN ('scheduled', 'queued', 'sending')
BEGIN
  UPDATE statistic
     SET messages = messages - 1
   WHERE day = COALESCE(old.sent_at, old.created_at) / 86400000
     AND country = COALESCE(old.country, '')
     AND status = old.state
     AND route = COALESCE(old.route, '');
END;

CREATE TRIGGER statistic_in AFTER UPDATE OF state ON message
  WHEN old.state <> new.state AND new.state NOT IN ('scheduled', 'queued', 'sending')
BEGIN
  INSERT INTO statistic (day, country, status, route, messages)
  VALUES (COALESCE(new.sent_at, new.created_at) / 86400000, COALESCE(new.country, ''), new.state,
          COALESCE(new.route, ''), 1)
  ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
