-- The log, its dictionaries, what staff said, settings; and what is derived from the log.
-- Times are ms since 1970 (UTC). An event is written once and never changed; it carries no customer and no visit.

CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

-- Settings ------------------------------------------------------------------------------------------------------
CREATE TABLE sites (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    write_key TEXT NOT NULL UNIQUE,
    secret_key_hash TEXT NOT NULL UNIQUE,
    identity_key TEXT NOT NULL,
    origins TEXT NOT NULL,                 -- JSON list
    consent TEXT NOT NULL,
    identity TEXT NOT NULL,
    timezone TEXT NOT NULL,
    ids TEXT NOT NULL,                     -- the space of its user ids; '' is the shared one
    removed INTEGER                        -- when it was removed; its events stay
) STRICT;
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL UNIQUE,             -- SHA-256, hex
    scopes TEXT NOT NULL,                  -- JSON list
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

-- Dictionaries: each distinct value once ----------------------------------------------------------------------------
-- Ids that are lower-case UUIDs are stored as their 16 bytes (BLOB), all others as they came (TEXT).
CREATE TABLE visitors (id INTEGER PRIMARY KEY, visitor ANY NOT NULL UNIQUE) STRICT;
CREATE TABLE persons (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,                 -- 0 user id, 1 e-mail address
    space TEXT NOT NULL,                   -- of a user id; '' for addresses
    value TEXT NOT NULL,
    customer INTEGER,                      -- derived: the person whose key this id's customer bears; null: joins nothing yet
    UNIQUE (value, kind, space)
) STRICT;
CREATE INDEX persons_customer ON persons (customer) WHERE customer IS NOT NULL;
CREATE TABLE names (id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (name, type)) STRICT;
CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL, title TEXT NOT NULL, UNIQUE (url, title)) STRICT;
CREATE TABLE referrers (id INTEGER PRIMARY KEY, referrer TEXT NOT NULL, channel TEXT NOT NULL, UNIQUE (referrer, channel)) STRICT;
CREATE TABLE campaigns (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL, medium TEXT NOT NULL, name TEXT NOT NULL,
    term TEXT NOT NULL, content TEXT NOT NULL, click_id TEXT NOT NULL,
    UNIQUE (source, medium, name, term, content, click_id)
) STRICT;
CREATE TABLE setups (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL, browser TEXT NOT NULL, browser_version TEXT NOT NULL, os TEXT NOT NULL, os_version TEXT NOT NULL,
    screen TEXT NOT NULL, locale TEXT NOT NULL, timezone TEXT NOT NULL, library TEXT NOT NULL,
    UNIQUE (device, browser, browser_version, os, os_version, screen, locale, timezone, library)
) STRICT;
CREATE TABLE consents (id INTEGER PRIMARY KEY, granted TEXT NOT NULL UNIQUE) STRICT;

-- The log ---------------------------------------------------------------------------------------------------------
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- commit order; never used twice
    site INTEGER NOT NULL,
    trust INTEGER NOT NULL,                -- event.Trust
    subject INTEGER NOT NULL,              -- whose timeline: a visitor's id; minus a person's id where no visitor is named; or 0
    time INTEGER NOT NULL,
    lag INTEGER NOT NULL,                  -- received - time
    name INTEGER NOT NULL,
    mid ANY NOT NULL,                      -- messageId, stored as the ids of visitors are
    user INTEGER,                          -- persons.id
    email INTEGER,                         -- persons.id
    previous TEXT,                         -- alias only
    staff INTEGER,                         -- 1 where staff made the call, else null
    page INTEGER, referrer INTEGER, campaign INTEGER, setup INTEGER, consent INTEGER,
    network ANY,                           -- 3 bytes of an IPv4, 6 of an IPv6 address, as BLOB
    properties TEXT,                       -- JSON; null where empty
    context TEXT                           -- JSON of what has no column here; null where empty
) STRICT;
CREATE INDEX events_timeline ON events (subject, time);
-- 32 bits of a keyed hash of each messageId: finds duplicates at less than half of what a unique index on mid takes
CREATE TABLE mids (hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (hash, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL,
    server INTEGER NOT NULL,
    received INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw BLOB NOT NULL,                     -- the call as it came, JSON
    arrival TEXT NOT NULL                  -- JSON: what else a replay needs (sentAt, place in the batch, user agent, short address)
) STRICT;
CREATE TABLE bots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL, received INTEGER NOT NULL, user_agent TEXT NOT NULL, url TEXT NOT NULL
) STRICT;
CREATE TABLE counters (
    day TEXT NOT NULL, site INTEGER NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (day, site, what)
) STRICT, WITHOUT ROWID;

-- What staff said: part of the log, kept with the raw ids of the day --------------------------------------------------
CREATE TABLE unlinks (
    id INTEGER PRIMARY KEY,
    visitor INTEGER NOT NULL, time INTEGER NOT NULL, persons TEXT NOT NULL     -- JSON list of persons.id
) STRICT;
CREATE INDEX unlinks_visitor ON unlinks (visitor);
CREATE TABLE link_undos (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL, time INTEGER NOT NULL, persons TEXT NOT NULL      -- the id taken out, and the ids it left
) STRICT;
CREATE TABLE fences (visitor INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (visitor, time)) STRICT, WITHOUT ROWID;
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL, customer_hash TEXT NOT NULL, events INTEGER NOT NULL,
    seqs TEXT NOT NULL                     -- JSON list of [first, last]: the events that went
) STRICT;

-- Derived: `footfall rebuild` makes all of this anew from the log -----------------------------------------------------
CREATE TABLE claims (                      -- each call's word on who a visitor is
    visitor INTEGER NOT NULL, seq INTEGER NOT NULL,
    act INTEGER NOT NULL,                  -- identity.Act
    why INTEGER NOT NULL,                  -- identity.Why
    user INTEGER, email INTEGER, strength INTEGER NOT NULL,
    PRIMARY KEY (visitor, seq, why)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_user ON claims (user) WHERE user IS NOT NULL;
CREATE INDEX claims_email ON claims (email) WHERE email IS NOT NULL;
CREATE TABLE links (                       -- calls that say: this address (or former id) is this user id's
    person INTEGER NOT NULL, seq INTEGER NOT NULL, user INTEGER NOT NULL, strength INTEGER NOT NULL, why INTEGER NOT NULL,
    PRIMARY KEY (person, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_user ON links (user);
CREATE TABLE traits (
    person INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,          -- value: JSON
    strength INTEGER NOT NULL, time INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE order_calls (site INTEGER NOT NULL, order_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (site, order_id, seq)) STRICT, WITHOUT ROWID;

-- Change feeds: `rev` grows with each change; a row that is gone stays as `deleted`
CREATE TABLE visits (
    visitor INTEGER NOT NULL, first_seq INTEGER NOT NULL,                      -- the visit's id is its first event's
    first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, last_seq INTEGER NOT NULL, events INTEGER NOT NULL,
    campaign INTEGER,                      -- the last said of each part, campaigns.id
    rev INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (visitor, first_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_rev ON visits (rev);
CREATE TABLE tenancies (
    visitor INTEGER NOT NULL, n INTEGER NOT NULL,
    from_time INTEGER NOT NULL, from_seq INTEGER NOT NULL,
    to_time INTEGER, to_seq INTEGER,       -- the first event that is no longer the customer's; null: open
    customer INTEGER,                      -- persons.id of the customer's key; null in a deleted row
    why TEXT NOT NULL, strength INTEGER NOT NULL, evidence INTEGER NOT NULL,   -- evidence: events.seq
    rev INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (visitor, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenancies_customer ON tenancies (customer) WHERE customer IS NOT NULL;
CREATE INDEX tenancies_rev ON tenancies (rev);
CREATE TABLE orders (
    site INTEGER NOT NULL, order_id TEXT NOT NULL,
    customer INTEGER, visitor INTEGER,
    confirmed INTEGER NOT NULL, status TEXT NOT NULL, time INTEGER NOT NULL,
    currency TEXT, total TEXT, refunded TEXT,              -- exact decimals as text; null: not said
    fold TEXT NOT NULL,                    -- JSON: orders.Order whole (lines, coupons, shipping, tax, sold_via, location …)
    rev INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_customer ON orders (customer) WHERE customer IS NOT NULL;
CREATE INDEX orders_visitor ON orders (visitor) WHERE visitor IS NOT NULL;
CREATE INDEX orders_number ON orders (order_id);
CREATE INDEX orders_rev ON orders (rev);
CREATE TABLE order_lines (
    site INTEGER NOT NULL, order_id TEXT NOT NULL, n INTEGER NOT NULL,
    product_id TEXT, variant_id TEXT, sku TEXT, name TEXT, quantity TEXT, price TEXT, discount TEXT,
    rev INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, order_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_lines_rev ON order_lines (rev);
CREATE TABLE customers (
    customer INTEGER PRIMARY KEY,          -- persons.id of its key
    kind TEXT NOT NULL,                    -- prospect, buyer, repeat
    ids TEXT NOT NULL, traits TEXT NOT NULL, money TEXT NOT NULL,              -- JSON as in the profile
    name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,              -- for the list and its search
    first_seen INTEGER, last_seen INTEGER,
    orders INTEGER NOT NULL, unconfirmed INTEGER NOT NULL, first_order INTEGER, last_order INTEGER,
    rev INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX customers_last_seen ON customers (last_seen, customer) WHERE deleted = 0;
CREATE INDEX customers_rev ON customers (rev);
