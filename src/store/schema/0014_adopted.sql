-- Modems that no section of the config names, by the names that they were given: one that is away is still known.
CREATE TABLE adopted (
  modem TEXT    PRIMARY KEY,
  imei  TEXT    NOT NULL UNIQUE,
  at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
