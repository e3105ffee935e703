-- message.from_modem holds the only way by which it may leave: a modem's name, another route's, or `sim:` and a SIM.

-- What else waits for the same routes: messages of one crowd can go together or not at all. 0: every route will do.
ALTER TABLE message ADD COLUMN crowd INTEGER NOT NULL DEFAULT 0;
-- What its tries that left have cost, in ten-thousandths of budget.currency. NULL: none has left.
ALTER TABLE message ADD COLUMN price INTEGER;

-- store.line: what may go now, best class first, then the oldest; each crowd apart, so that one that waits for a stick
-- does not hide the line from the others.
DROP INDEX message_in_line;
CREATE INDEX message_in_line ON message (priority, crowd, seq)
  WHERE state = 'queued' AND next_attempt_at IS NULL;

-- Of its last try: what it costs, and the day on which that counts against the budget (NULL: it does not).
ALTER TABLE part ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE part ADD COLUMN spent_on INTEGER;

-- What was spent with providers, by day of server.timezone (20261231): what the budget is counted in.
CREATE TABLE spend (
  day    INTEGER PRIMARY KEY,
  amount INTEGER NOT NULL
) STRICT;
