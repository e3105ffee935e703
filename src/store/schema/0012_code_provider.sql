-- The section of the config whose account draws, sends and checks the codes; NULL: the gateway itself. A code is checked
-- where it was drawn, whatever the config says by then.
ALTER TABLE verification ADD COLUMN provider TEXT;
-- Codes that the provider is being asked about.
ALTER TABLE verification ADD COLUMN checking INTEGER NOT NULL DEFAULT 0;

-- store.begin_verification: whose codes for a number may live at a provider.
CREATE INDEX verification_elsewhere ON verification (to_number)
  WHERE provider IS NOT NULL;

-- A code that a provider was asked to draw and send. Nobody here knows it.
CREATE TABLE provider_code (
  verification INTEGER NOT NULL REFERENCES verification (seq) ON DELETE CASCADE,
  number       INTEGER NOT NULL,
  -- 'unknown': the provider may have sent it. It is not asked again.
  state        TEXT    NOT NULL CHECK (state IN ('sending', 'sent', 'failed', 'unknown')),
  at           INTEGER NOT NULL,
  -- 0: it is dead.
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (verification, number)
) STRICT, WITHOUT ROWID;

-- What is under way when the gateway starts.
CREATE INDEX provider_code_sending ON provider_code (verification)
  WHERE state = 'sending';

-- The same as an event that limits count for its number, beside the messages. By a keyed hash: it tells nobody's number, and
-- stays as long as limits reach.
CREATE TABLE provider_count (
  key          BLOB    NOT NULL,
  at           INTEGER NOT NULL,
  verification INTEGER NOT NULL,
  number       INTEGER NOT NULL,
  -- As message.counted.
  counted      INTEGER NOT NULL,
  PRIMARY KEY (key, at, verification, number)
) STRICT, WITHOUT ROWID;

-- store.forget: older than all windows; the one of a code that was refused.
CREATE INDEX provider_count_at ON provider_count (at);
CREATE INDEX provider_count_of ON provider_count (verification, number);
