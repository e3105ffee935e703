-- A text that came in, as callers see it: whole, or what was there of it when its time was up. `seq` is the order in
-- which texts appeared.
CREATE TABLE inbound (
  seq         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  sim         TEXT    NOT NULL,
  modem       TEXT    NOT NULL,
  -- NULL: it cannot be read.
  from_number TEXT,
  -- NULL: the SIM does not tell its own number.
  to_number   TEXT,
  text        TEXT    NOT NULL,
  encoding    TEXT    NOT NULL CHECK (encoding IN ('gsm7', 'ucs2', '8bit', 'raw')),
  parts       INTEGER NOT NULL CHECK (parts BETWEEN 1 AND 255),
  complete    INTEGER NOT NULL CHECK (complete IN (0, 1)),
  read        INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1)),
  smsc_at     INTEGER,
  received_at INTEGER NOT NULL
) STRICT;

-- store.inbox with ?from=
CREATE INDEX inbound_from ON inbound (from_number, seq);
-- store.inbox with ?unread=true
CREATE INDEX inbound_unread ON inbound (seq)
  WHERE read = 0;
-- store.forget: texts older than retention.inbox_days.
CREATE INDEX inbound_age ON inbound (received_at);

-- One TPDU of a text. It outlives its joining, so that it is known when it comes again.
CREATE TABLE inbound_part (
  seq         INTEGER PRIMARY KEY,
  -- The text it belongs to: `seq` of the part of it that came first.
  assembly    INTEGER NOT NULL,
  -- NULL: it waits for the others.
  inbound     INTEGER REFERENCES inbound (seq) ON DELETE CASCADE,
  sim         TEXT    NOT NULL,
  modem       TEXT    NOT NULL,
  from_number TEXT,
  to_number   TEXT,
  -- Of the concatenation: width in bits. NULL: a text of one part.
  width       INTEGER CHECK (width IN (8, 16)),
  reference   INTEGER,
  total       INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  encoding    TEXT    NOT NULL,
  -- NULL as soon as the text is whole.
  text        TEXT,
  smsc_at     INTEGER,
  received_at INTEGER NOT NULL,
  -- SHA-256 of the PDU, and of what it says.
  pdu         BLOB    NOT NULL,
  identity    BLOB
) STRICT;

-- store.receive: a part that came before.
CREATE UNIQUE INDEX inbound_part_identity ON inbound_part (identity)
  WHERE identity IS NOT NULL;
CREATE INDEX inbound_part_pdu ON inbound_part (pdu);
-- store.receive: texts that lack a part.
CREATE INDEX inbound_part_open ON inbound_part (from_number, reference)
  WHERE text IS NOT NULL;
-- store.receive, store.close_incomplete: the parts of one text.
CREATE INDEX inbound_part_assembly ON inbound_part (assembly);
-- store.close_incomplete: texts whose time is up.
CREATE INDEX inbound_part_waiting ON inbound_part (received_at)
  WHERE inbound IS NULL;
-- The parts of a text that is forgotten.
CREATE INDEX inbound_part_of ON inbound_part (inbound);

-- Of a part whose outcome is not known: the reference it has if it left, one more than the last that its SIM told.
-- NULL: the SIM has told none.
ALTER TABLE part ADD COLUMN expected_mr INTEGER;
