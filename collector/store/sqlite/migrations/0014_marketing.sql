-- Marketing consent by (address or user id, topic): the latest explicit answer. Derived: `footfall rebuild` makes it anew.
CREATE TABLE subscriptions (
    person INTEGER NOT NULL, topic TEXT NOT NULL,          -- '*': all topics
    state TEXT NOT NULL,                                   -- yes, no, unknown
    source TEXT NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL, version TEXT NOT NULL,
    confirmed INTEGER,                                     -- when the yes was said a second time
    time INTEGER NOT NULL, mid TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (person, topic)
) STRICT, WITHOUT ROWID;
-- What was taken in before this table was there; a no of old counts at once.
INSERT OR REPLACE INTO subscriptions
SELECT coalesce(e.email, e.user),
    CASE WHEN n.name = 'Unsubscribed' THEN coalesce(
        nullif(trim(CAST(json_extract(e.properties, '$.topic') AS TEXT)), ''),
        nullif(trim(CAST(json_extract(e.properties, '$.list_id') AS TEXT)), ''),
        nullif(trim(CAST(json_extract(e.properties, '$.list_name') AS TEXT)), ''), '*') ELSE '*' END,
    'no', CASE n.name WHEN 'Unsubscribed' THEN 'unsubscribed' ELSE 'spam' END, '', '', '', NULL, e.time, '', e.seq
FROM names n JOIN events e ON e.name = n.id
WHERE n.type = 'track' AND n.name IN ('Unsubscribed', 'Email Marked as Spam') AND coalesce(e.email, e.user) IS NOT NULL
ORDER BY e.time;

ALTER TABLE customers ADD COLUMN marketing TEXT NOT NULL DEFAULT '[]';
DROP VIEW v_customers;
CREATE VIEW v_customers AS SELECT
    CASE WHEN w.kind = 1 THEN 'email:' || w.value WHEN w.space <> '' THEN 'user@' || replace(replace(w.space, '%', '%25'), ':', '%3A') || ':' || w.value WHEN w.value GLOB 'email:*' OR w.value GLOB 'visitor:*' OR w.value GLOB 'user:*' OR w.value GLOB 'user@*' THEN 'user:' || w.value ELSE w.value END AS customer,
    f.kind AS kind,
    f.ids AS ids,
    f.traits AS traits,
    f.name AS name,
    f.email AS email,
    f.phone AS phone,
    strftime('%Y-%m-%dT%H:%M:%S', (f.first_seen) / 1000, 'unixepoch') || printf('.%03dZ', (f.first_seen) % 1000) AS first_seen,
    strftime('%Y-%m-%dT%H:%M:%S', (f.last_seen) / 1000, 'unixepoch') || printf('.%03dZ', (f.last_seen) % 1000) AS last_seen,
    f.orders AS orders,
    f.unconfirmed AS unconfirmed,
    f.money AS money,
    strftime('%Y-%m-%dT%H:%M:%S', (f.first_order) / 1000, 'unixepoch') || printf('.%03dZ', (f.first_order) % 1000) AS first_order,
    strftime('%Y-%m-%dT%H:%M:%S', (f.last_order) / 1000, 'unixepoch') || printf('.%03dZ', (f.last_order) % 1000) AS last_order,
    f.marketing AS marketing,
    f.rev AS rev,
    f.deleted AS deleted
FROM customers f JOIN persons w ON w.id = f.customer;
