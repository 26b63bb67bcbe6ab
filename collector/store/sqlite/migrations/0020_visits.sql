-- Visits in the order of their time, so that no index is needed for it; of the last event only how far it is from the
-- first. A visit that is gone lies apart from those that are there: however many are gone, a look costs the same.
CREATE TABLE visits_by_time (
    visitor INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    first_time INTEGER NOT NULL, first_seq INTEGER NOT NULL,                   -- the visit's id is its first event's
    lasted INTEGER NOT NULL,               -- ms
    advanced INTEGER NOT NULL,             -- from the seq of the first event to that of the last
    events INTEGER NOT NULL,
    campaign INTEGER,                      -- the last said of each part, campaigns.id
    rev INTEGER NOT NULL,
    last_time INTEGER NOT NULL AS (first_time + lasted),
    last_seq INTEGER NOT NULL AS (first_seq + advanced),
    PRIMARY KEY (visitor, deleted, first_time, first_seq)
) STRICT, WITHOUT ROWID;
INSERT INTO visits_by_time (visitor, deleted, first_time, first_seq, lasted, advanced, events, campaign, rev)
SELECT visitor, deleted, first_time, first_seq, last_time - first_time, last_seq - first_seq, events, campaign, rev
FROM visits ORDER BY visitor, deleted, first_time, first_seq;
DROP TABLE visits;
-- The views that read visits need no word changed.
PRAGMA legacy_alter_table = ON;
ALTER TABLE visits_by_time RENAME TO visits;
PRAGMA legacy_alter_table = OFF;
CREATE INDEX visits_rev ON visits (rev);
