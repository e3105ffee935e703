-- Events that limits count. By day first: what is written now lies together, and a day that no limit reaches any more is
-- deleted from one end.
CREATE TABLE limit_entry (
  -- Days since 1970.
  day    INTEGER NOT NULL,
  -- A keyed hash of the limit's name and of whom it is about.
  key    BLOB    NOT NULL,
  at     INTEGER NOT NULL,
  -- Of several in one millisecond.
  number INTEGER NOT NULL,
  PRIMARY KEY (day, key, at, number)
) STRICT, WITHOUT ROWID;
