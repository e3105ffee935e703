-- Which template its text was made of, for providers that know texts by that only: JSON. Of category otp the values are
-- sealed like the text. Gone with the text as it waits.
ALTER TABLE message ADD COLUMN made_of TEXT;
ALTER TABLE message ADD COLUMN sealed_values BLOB;
-- 1: a provider was told that too many texts went to its number. It waits, and goes by no other route.
ALTER TABLE message ADD COLUMN stays INTEGER NOT NULL DEFAULT 0 CHECK (stays IN (0, 1));

-- Requests to providers, one for each try: there before the request is written. Callbacks, answers and what providers say
-- when they are asked are matched by it.
CREATE TABLE attempt (
  message INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  ticket  INTEGER NOT NULL,
  route   TEXT    NOT NULL,
  sent_at INTEGER NOT NULL,
  -- When the provider is asked next what became of it, and how often it was; NULL: it is not asked.
  ask_at  INTEGER,
  asked   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (message, ticket)
) STRICT, WITHOUT ROWID;

-- store.to_ask
CREATE INDEX attempt_to_ask ON attempt (ask_at)
  WHERE ask_at IS NOT NULL;

-- By which ids providers know texts, or their parts.
CREATE TABLE provider_id (
  route   TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  message INTEGER NOT NULL,
  ticket  INTEGER NOT NULL,
  -- The part that it names; 0: the text.
  part    INTEGER NOT NULL,
  PRIMARY KEY (route, id),
  FOREIGN KEY (message, ticket) REFERENCES attempt (message, ticket) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Whose ids go when a message goes; store.to_ask.
CREATE INDEX provider_id_attempt ON provider_id (message, ticket);

-- A provider's own figure, or its word that it has nothing, may come when the message is out of the queue already.
CREATE TRIGGER statistic_repriced AFTER UPDATE OF price ON message
  WHEN old.state = new.state AND old.price IS NOT new.price
   AND NOT (old.state = 'scheduled' OR old.state = 'queued' OR old.state = 'sending')
BEGIN
  UPDATE statistic
     SET cost = cost + COALESCE(new.price, 0) - COALESCE(old.price, 0)
   WHERE day = COALESCE(old.sent_at, old.created_at) / 86400000
     AND country = COALESCE(old.country, '')
     AND status = old.state
     AND route = COALESCE(old.route, '');
END;
