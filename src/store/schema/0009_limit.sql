-- What a message counts as for its number, as far as limits are asked of that: in which logs it stands, as the sum of
-- their numbers (domain::CountedAs); 0: in none. Negative: it is counted later than it was asked for.
ALTER TABLE message ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
-- When: as the clock stood then, whatever it is set to afterwards.
ALTER TABLE message ADD COLUMN counted_at INTEGER;

-- store.list with ?to=. Limits of a number are counted from it too: its page is written anyway, and no limit has one of its
-- own.
DROP INDEX message_to;
CREATE INDEX message_to ON message (to_number, seq, counted, counted_at);
-- The same of what is counted later: the order in which that was accepted says nothing of when it counts.
CREATE INDEX message_counted_later ON message (to_number, counted_at, counted)
  WHERE counted < 0;

-- Where in the order of acceptance the time went back, by which messages are counted: what came before `first_seq` may be
-- younger than what follows, but not younger than `before_at`. Empty, unless a clock is set back.
CREATE TABLE counted_back (
  first_seq INTEGER PRIMARY KEY,
  before_at INTEGER NOT NULL
) STRICT;

-- Other events that limits count: wrong codes, and what is counted by who asks. By day first: what is written now lies together, and a day that no limit reaches any more is
-- deleted from one end.
CREATE TABLE limit_entry (
  -- Days since 1970.
  day    INTEGER NOT NULL,
  -- A keyed hash of the limit's name and of whom it is about.
  key    BLOB    NOT NULL,
  at     INTEGER NOT NULL,
  -- Tells several in one millisecond apart.
  number INTEGER NOT NULL,
  PRIMARY KEY (day, key, at, number)
) STRICT, WITHOUT ROWID;

-- The newest of them, in the order in which they came: a row more at the end of a table costs next to nothing, a row more
-- somewhere in limit_entry costs a page. The writer has them sorted in memory, too, and moves them in large steps.
CREATE TABLE limit_tail (
  number INTEGER PRIMARY KEY,
  key    BLOB    NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

-- What follows is as it was, said in another way. For each row that it writes SQLite builds the list of an IN of more than
-- two as a table, to see whether the row belongs into an index or to a trigger: that was a tenth of an accept.
DROP INDEX message_unsent;
CREATE INDEX message_unsent ON message (expires_at)
  WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending');
DROP INDEX message_ended_badly;
CREATE INDEX message_ended_badly ON message (state, seq)
  WHERE (state = 'undelivered' OR state = 'failed' OR state = 'expired' OR state = 'canceled' OR state = 'unknown');

DROP TRIGGER statistic_out;
CREATE TRIGGER statistic_out AFTER UPDATE OF state ON message
  WHEN old.state <> new.state
   AND old.state <> 'scheduled' AND old.state <> 'queued' AND old.state <> 'sending'
BEGIN
  UPDATE statistic
     SET messages = messages - 1, cost = cost - COALESCE(old.price, 0)
   WHERE day = COALESCE(old.sent_at, old.created_at) / 86400000
     AND country = COALESCE(old.country, '')
     AND status = old.state
     AND route = COALESCE(old.route, '');
END;

DROP TRIGGER statistic_in;
CREATE TRIGGER statistic_in AFTER UPDATE OF state ON message
  WHEN old.state <> new.state
   AND new.state <> 'scheduled' AND new.state <> 'queued' AND new.state <> 'sending'
BEGIN
  INSERT INTO statistic (day, country, status, route, messages, cost)
  VALUES (COALESCE(new.sent_at, new.created_at) / 86400000, COALESCE(new.country, ''), new.state,
          COALESCE(new.route, ''), 1, COALESCE(new.price, 0))
  ON CONFLICT DO UPDATE SET messages = messages + 1, cost = cost + excluded.cost;
END;
