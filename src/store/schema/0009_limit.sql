-- Events that limits count. By day first: what is written now lies together, and a day that no limit reaches any more is
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
