-- What Home shows, counted ahead. Derived: `footfall rebuild` makes it anew. Hours and days are numbered since 1970 by the
-- clock of the site that they were counted for. Site 0 is all sites together, where what is counted is not a mere sum.

CREATE TABLE overview_paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE overview_products (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL, product_id TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',         -- as it was called last
    named INTEGER NOT NULL DEFAULT 0,      -- on which day
    UNIQUE (product_id, site)
) STRICT;
CREATE TABLE overview_sources (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL, host TEXT NOT NULL, source TEXT NOT NULL, medium TEXT NOT NULL, campaign TEXT NOT NULL,
    UNIQUE (channel, host, source, medium, campaign)
) STRICT;

CREATE TABLE overview_hours (
    site INTEGER NOT NULL, hour INTEGER NOT NULL,
    visitors INTEGER NOT NULL,             -- whose first visit of the day began in this hour
    visits INTEGER NOT NULL,
    buyers INTEGER NOT NULL,               -- whose first order of the day was in this hour
    new_buyers INTEGER NOT NULL,           -- of them those whose first order ever it was
    orders INTEGER NOT NULL, unconfirmed INTEGER NOT NULL,
    PRIMARY KEY (site, hour)
) STRICT, WITHOUT ROWID;
-- How many days each day's visitors (what 0) and buyers (1) had been away: 0 never here before, 90 that or longer.
-- Distinct ones of any span are those of each of its days who had been away since before it began.
CREATE TABLE overview_gaps (
    site INTEGER NOT NULL, what INTEGER NOT NULL, day INTEGER NOT NULL, gap INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (site, what, day, gap)
) STRICT, WITHOUT ROWID;
CREATE TABLE overview_sales (
    site INTEGER NOT NULL,
    hours INTEGER NOT NULL,                -- 1 or 24: of each hour, and again of each day
    first_hour INTEGER NOT NULL, currency TEXT NOT NULL,
    orders INTEGER NOT NULL,
    gross TEXT NOT NULL, refunded TEXT NOT NULL, unconfirmed TEXT NOT NULL,    -- exact decimals
    PRIMARY KEY (site, hours, first_hour, currency)
) STRICT, WITHOUT ROWID;
-- How often each page, product, source came up on a day: rows while the day runs and of what comes late, to be added
-- to what is packed. A closed day is one row of packed cells for each (what, site), and so are blocks of 8 and 32 days.
CREATE TABLE overview_cells (
    day INTEGER NOT NULL, what INTEGER NOT NULL, site INTEGER NOT NULL, key INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (day, what, site, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE overview_packed (
    id INTEGER PRIMARY KEY,
    what INTEGER NOT NULL, days INTEGER NOT NULL, first_day INTEGER NOT NULL, site INTEGER NOT NULL, cells BLOB NOT NULL,
    UNIQUE (what, days, first_day, site)
) STRICT;
-- What was counted of late and is yet to be added to the rows above, batch by batch (overview_tally.py).
CREATE TABLE overview_pending (id INTEGER PRIMARY KEY, batch BLOB NOT NULL) STRICT;
-- What was taken in before these tables were there is counted by and by (overview_recount.py).
INSERT INTO meta (key, value) SELECT 'overview_due', '{}' WHERE EXISTS (SELECT 1 FROM events);
