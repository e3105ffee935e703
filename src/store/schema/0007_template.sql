-- Texts with {{variables}}. An id is never given twice, also after its template is deleted.
CREATE TABLE template (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  app          TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  content      TEXT    NOT NULL,
  -- JSON: names in order; texts by language tag.
  variables    TEXT    NOT NULL,
  translations TEXT    NOT NULL,
  -- Of the cloud provider.
  provider_template_id TEXT,
  category     TEXT    CHECK (category IN ('otp', 'alert', 'transactional', 'notification', 'bulk')),
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL
) STRICT;

-- store.template_page, store.templates: those of one app, newest first.
CREATE INDEX template_app ON template (app, id);

-- Which template a message was made of.
ALTER TABLE message ADD COLUMN template INTEGER;
