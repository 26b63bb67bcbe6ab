-- From where a site's own staff come: their calls are counted and not kept.
ALTER TABLE sites ADD COLUMN staff TEXT NOT NULL DEFAULT '[]'; -- JSON list of networks
