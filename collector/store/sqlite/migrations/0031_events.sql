-- Rows of the log with fewer columns: each takes a byte even where it is empty. What was a column still reads as one.
CREATE TABLE events_packed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- commit order; never used twice
    subject INTEGER NOT NULL,              -- whose timeline: a visitor's id; minus a person's id where no visitor is named; or 0
    time INTEGER NOT NULL,
    place INTEGER NOT NULL,                -- site: its last 8 bits, above 32 of consent the others
    arrival INTEGER NOT NULL,              -- 8 * lag + 2 * trust + staff
    name INTEGER NOT NULL,
    mid ANY NOT NULL,                      -- messageId, stored as the ids of visitors are
    user INTEGER,                          -- persons.id
    named ANY,                             -- email; of an alias a text: email or nothing, a colon, previous
    page INTEGER, referrer INTEGER, campaign INTEGER, setup INTEGER,
    network ANY,                           -- 3 bytes of an IPv4, 6 of an IPv6 address, as BLOB
    shape INTEGER, description INTEGER,
    properties TEXT,                       -- values of the shape; without one JSON; null where empty
    context TEXT,                          -- JSON of what has no column here; null where empty
    site INTEGER NOT NULL AS ((place & 255) | (place >> 40 << 8)),
    consent INTEGER AS (nullif((place >> 8) & 0xFFFFFFFF, 0)),
    lag INTEGER NOT NULL AS (arrival >> 3),                                    -- received - time
    trust INTEGER NOT NULL AS ((arrival >> 1) & 3),                              -- event.Trust
    staff INTEGER AS (nullif(arrival & 1, 0)),                                 -- 1 where staff made the call, else null
    email INTEGER AS (CASE typeof(named) WHEN 'integer' THEN named
                      WHEN 'text' THEN nullif(CAST(named AS INTEGER), 0) END), -- persons.id
    previous TEXT AS (CASE typeof(named) WHEN 'text' THEN substr(named, instr(named, ':') + 1) END) -- alias only
) STRICT;
INSERT INTO events_packed (seq, subject, time, place, arrival, name, mid, user, named, page, referrer, campaign, setup,
    network, shape, description, properties, context)
SELECT seq, subject, time, (site & 255) | (coalesce(consent, 0) << 8) | (site >> 8 << 40),
    (lag << 3) | (trust << 1) | (staff IS NOT NULL), name, mid, user, CASE WHEN previous IS NULL THEN email ELSE coalesce(email, '') || ':' || previous END,
    page, referrer, campaign, setup, network, shape, description, properties, context
FROM events ORDER BY seq;
-- No number comes twice, also not those of events that have left.
DELETE FROM sqlite_sequence WHERE name = 'events_packed';
INSERT INTO sqlite_sequence (name, seq) SELECT 'events_packed', seq FROM sqlite_sequence WHERE name = 'events';
DROP TABLE events;
-- The views that read events need no word changed.
PRAGMA legacy_alter_table = ON;
ALTER TABLE events_packed RENAME TO events;
PRAGMA legacy_alter_table = OFF;
CREATE INDEX events_timeline ON events (subject, time, name);
CREATE INDEX events_staff ON events (subject, time) WHERE staff IS NOT NULL;
CREATE INDEX events_claimed_user ON events (user, time) WHERE trust = 0 AND user IS NOT NULL;
CREATE INDEX events_claimed_email ON events (email, time) WHERE trust = 0 AND email IS NOT NULL;
