-- The consent log: who allowed or refused what, when, by which text, on which page. It is only added to; an erasure
-- leaves of who it was a keyed hash. It outlives the events, hence it has its texts whole.
CREATE TABLE consent_log (
    seq INTEGER PRIMARY KEY,               -- events.seq of the call; a withdrawal has one that no event has
    site INTEGER NOT NULL, time INTEGER NOT NULL, received INTEGER NOT NULL,
    mid ANY, visitor ANY,                  -- stored as in events and visitors
    user TEXT, email TEXT,
    who_hash TEXT NOT NULL DEFAULT '',     -- of whoever was erased: erasures.customer_hash
    granted TEXT NOT NULL, refused TEXT NOT NULL,  -- categories, in order, with commas
    text TEXT NOT NULL, language TEXT NOT NULL, version TEXT NOT NULL, url TEXT NOT NULL
) STRICT;
CREATE INDEX consent_log_visitor ON consent_log (visitor) WHERE visitor IS NOT NULL;
-- Visitors who have withdrawn at a site, by a keyed hash: what they still send is refused until they allow it again.
CREATE TABLE withdrawals (hash INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT;

INSERT INTO consent_log (seq, site, time, received, mid, visitor, user, email, granted, refused, text, language, version, url)
SELECT e.seq, e.site, e.time, e.time + e.lag, e.mid, v.visitor, u.value, m.value, coalesce(k.granted, ''), '',
    CASE json_type(e.properties, '$.text') WHEN 'text' THEN json_extract(e.properties, '$.text') ELSE '' END,
    CASE json_type(e.properties, '$.language') WHEN 'text' THEN json_extract(e.properties, '$.language') ELSE '' END,
    CASE json_type(e.properties, '$.version') WHEN 'text' THEN json_extract(e.properties, '$.version') ELSE '' END,
    coalesce(p.url, '')
FROM events e
LEFT JOIN visitors v ON v.id = e.subject
LEFT JOIN persons u ON u.id = e.user
LEFT JOIN persons m ON m.id = e.email
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN consents k ON k.id = e.consent
WHERE e.name IN (SELECT id FROM names WHERE name = 'Segment Consent Preference Updated' AND type = 'track');

DROP VIEW v_consents;
CREATE VIEW v_consents AS SELECT
    coalesce(CASE typeof(k.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(k.mid, 1, 4)), hex(substr(k.mid, 5, 2)), hex(substr(k.mid, 7, 2)), hex(substr(k.mid, 9, 2)), hex(substr(k.mid, 11, 6)))) ELSE k.mid END, '') AS id,
    k.seq AS seq,
    strftime('%Y-%m-%dT%H:%M:%S', (k.time) / 1000, 'unixepoch') || printf('.%03dZ', (k.time) % 1000) AS time,
    strftime('%Y-%m-%dT%H:%M:%S', (k.received) / 1000, 'unixepoch') || printf('.%03dZ', (k.received) % 1000) AS received,
    s.name AS site,
    CASE typeof(k.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(k.visitor, 1, 4)), hex(substr(k.visitor, 5, 2)), hex(substr(k.visitor, 7, 2)), hex(substr(k.visitor, 9, 2)), hex(substr(k.visitor, 11, 6)))) ELSE k.visitor END AS visitor,
    k.user AS user_id,
    k.email AS email,
    CASE WHEN k.granted <> '' THEN '{' || replace(json_quote(k.granted), ',', '":true,"') || ':true' || '}' ELSE '{}' END AS preferences,
    k.url AS url,
    CASE WHEN k.refused <> '' THEN '{' || replace(json_quote(k.refused), ',', '":false,"') || ':false' || '}' ELSE '{}' END AS refused,
    k.text AS text,
    k.language AS language,
    k.version AS version,
    k.who_hash AS who_hash
FROM consent_log k
LEFT JOIN sites s ON s.id = k.site;
