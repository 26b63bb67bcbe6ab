-- Properties without what repeats: names once for all events, what is said of a product once (shapes.py). Rows of
-- before stay as they are: without a shape, `properties` is the whole text.
CREATE TABLE shapes (
    id INTEGER PRIMARY KEY,
    names TEXT NOT NULL,                   -- JSON list
    places TEXT NOT NULL,                  -- JSON list: where each name's value is, among the description's and then the call's
    UNIQUE (names, places)
) STRICT;
CREATE TABLE descriptions (
    id INTEGER PRIMARY KEY,
    said TEXT NOT NULL UNIQUE              -- JSON values, a comma behind each
) STRICT;
ALTER TABLE events ADD COLUMN shape INTEGER;
ALTER TABLE events ADD COLUMN description INTEGER;
DROP VIEW v_events;
DROP VIEW v_events_resolved;

CREATE VIEW v_events AS SELECT
    e.seq AS seq,
    CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END AS id,
    s.name AS site,
    CASE e.trust WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END AS trust,
    n.type AS type,
    n.name AS name,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time) / 1000, 'unixepoch') || printf('.%03dZ', (e.time) % 1000) AS time,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time + e.lag) / 1000, 'unixepoch') || printf('.%03dZ', (e.time + e.lag) % 1000) AS received,
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    u.value AS user_id,
    coalesce(u.space, '') AS space,
    m.value AS email,
    e.previous AS previous,
    e.staff IS NOT NULL AS staff,
    coalesce(p.url, '') AS url,
    coalesce(p.title, '') AS title,
    coalesce(r.referrer, '') AS referrer,
    coalesce(r.channel, '') AS channel,
    coalesce(c.source, '') AS campaign_source,
    coalesce(c.medium, '') AS campaign_medium,
    coalesce(c.name, '') AS campaign_name,
    coalesce(c.term, '') AS campaign_term,
    coalesce(c.content, '') AS campaign_content,
    coalesce(c.click_id, '') AS campaign_click_id,
    coalesce(d.device, '') AS device,
    coalesce(d.browser, '') AS browser,
    coalesce(d.browser_version, '') AS browser_version,
    coalesce(d.os, '') AS os,
    coalesce(d.os_version, '') AS os_version,
    coalesce(d.screen, '') AS screen,
    coalesce(d.locale, '') AS locale,
    coalesce(d.timezone, '') AS timezone,
    coalesce(d.library, '') AS library,
    CASE length(e.network) WHEN 3 THEN (instr('123456789ABCDEF', substr(hex(e.network), 1, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 2, 1))) || '.' || (instr('123456789ABCDEF', substr(hex(e.network), 3, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 4, 1))) || '.' || (instr('123456789ABCDEF', substr(hex(e.network), 5, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 6, 1))) || '.0' WHEN 6 THEN CASE WHEN substr(e.network, 5) <> x'0000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 5, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 9, 4)), '0'), ''), '0') WHEN substr(e.network, 3) <> x'00000000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 5, 4)), '0'), ''), '0') WHEN e.network <> x'000000000000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') ELSE '' END || '::' ELSE '' END AS network,
    coalesce(k.granted, '') AS consent,
    CASE WHEN e.shape IS NULL THEN coalesce(e.properties, '{}') ELSE (SELECT '{' || group_concat((shapes.names -> json_each.key) || ':' || (('[' || coalesce(descriptions.said, '') || e.properties || ']') -> json_each.value)) || '}' FROM json_each(shapes.places)) END AS properties,
    coalesce(e.context, '{}') AS context
FROM events e
LEFT JOIN sites s ON s.id = e.site
LEFT JOIN names n ON n.id = e.name
LEFT JOIN visitors v ON v.id = e.subject
LEFT JOIN persons u ON u.id = e.user
LEFT JOIN persons m ON m.id = e.email
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN referrers r ON r.id = e.referrer
LEFT JOIN campaigns c ON c.id = e.campaign
LEFT JOIN setups d ON d.id = e.setup
LEFT JOIN consents k ON k.id = e.consent
LEFT JOIN shapes ON shapes.id = e.shape
LEFT JOIN descriptions ON descriptions.id = e.description;

CREATE VIEW v_events_resolved AS SELECT
    e.seq AS seq,
    CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END AS id,
    s.name AS site,
    CASE e.trust WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END AS trust,
    n.type AS type,
    n.name AS name,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time) / 1000, 'unixepoch') || printf('.%03dZ', (e.time) % 1000) AS time,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time + e.lag) / 1000, 'unixepoch') || printf('.%03dZ', (e.time + e.lag) % 1000) AS received,
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    u.value AS user_id,
    coalesce(u.space, '') AS space,
    m.value AS email,
    e.previous AS previous,
    e.staff IS NOT NULL AS staff,
    coalesce(p.url, '') AS url,
    coalesce(p.title, '') AS title,
    coalesce(r.referrer, '') AS referrer,
    coalesce(r.channel, '') AS channel,
    coalesce(c.source, '') AS campaign_source,
    coalesce(c.medium, '') AS campaign_medium,
    coalesce(c.name, '') AS campaign_name,
    coalesce(c.term, '') AS campaign_term,
    coalesce(c.content, '') AS campaign_content,
    coalesce(c.click_id, '') AS campaign_click_id,
    coalesce(d.device, '') AS device,
    coalesce(d.browser, '') AS browser,
    coalesce(d.browser_version, '') AS browser_version,
    coalesce(d.os, '') AS os,
    coalesce(d.os_version, '') AS os_version,
    coalesce(d.screen, '') AS screen,
    coalesce(d.locale, '') AS locale,
    coalesce(d.timezone, '') AS timezone,
    coalesce(d.library, '') AS library,
    CASE length(e.network) WHEN 3 THEN (instr('123456789ABCDEF', substr(hex(e.network), 1, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 2, 1))) || '.' || (instr('123456789ABCDEF', substr(hex(e.network), 3, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 4, 1))) || '.' || (instr('123456789ABCDEF', substr(hex(e.network), 5, 1)) * 16 + instr('123456789ABCDEF', substr(hex(e.network), 6, 1))) || '.0' WHEN 6 THEN CASE WHEN substr(e.network, 5) <> x'0000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 5, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 9, 4)), '0'), ''), '0') WHEN substr(e.network, 3) <> x'00000000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(lower(substr(hex(e.network), 5, 4)), '0'), ''), '0') WHEN e.network <> x'000000000000' THEN coalesce(nullif(ltrim(lower(substr(hex(e.network), 1, 4)), '0'), ''), '0') ELSE '' END || '::' ELSE '' END AS network,
    coalesce(k.granted, '') AS consent,
    CASE WHEN e.shape IS NULL THEN coalesce(e.properties, '{}') ELSE (SELECT '{' || group_concat((shapes.names -> json_each.key) || ':' || (('[' || coalesce(descriptions.said, '') || e.properties || ']') -> json_each.value)) || '}' FROM json_each(shapes.places)) END AS properties,
    coalesce(e.context, '{}') AS context,
    CASE WHEN w.kind = 1 THEN 'email:' || w.value WHEN w.space <> '' THEN 'user@' || replace(replace(w.space, '%', '%25'), ':', '%3A') || ':' || w.value WHEN w.value GLOB 'email:*' OR w.value GLOB 'visitor:*' OR w.value GLOB 'user:*' OR w.value GLOB 'user@*' THEN 'user:' || w.value ELSE w.value END AS customer,
    CASE WHEN e.staff IS NULL AND NOT (n.type = 'track' AND (n.name IN ('Order Refunded', 'Order Cancelled') OR n.name GLOB 'Email *')) THEN (
        SELECT CASE typeof(x.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(x.mid, 1, 4)), hex(substr(x.mid, 5, 2)), hex(substr(x.mid, 7, 2)), hex(substr(x.mid, 9, 2)), hex(substr(x.mid, 11, 6)))) ELSE x.mid END FROM visits b JOIN events x ON x.seq = b.first_seq JOIN events y ON y.seq = b.last_seq
        WHERE b.visitor = e.subject AND b.deleted = 0 AND b.first_time <= e.time AND b.last_time >= e.time
            AND (b.first_time < e.time OR (CASE typeof(x.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(x.mid, 1, 4)), hex(substr(x.mid, 5, 2)), hex(substr(x.mid, 7, 2)), hex(substr(x.mid, 9, 2)), hex(substr(x.mid, 11, 6)))) ELSE x.mid END, x.trust = 3) <= (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3))
            AND (b.last_time > e.time OR (CASE typeof(y.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(y.mid, 1, 4)), hex(substr(y.mid, 5, 2)), hex(substr(y.mid, 7, 2)), hex(substr(y.mid, 9, 2)), hex(substr(y.mid, 11, 6)))) ELSE y.mid END, y.trust = 3) >= (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3))
        LIMIT 1) END AS visit,
    CASE WHEN t.why IS NOT NULL THEN t.why WHEN e.trust = 0 THEN 'claimed' WHEN o.customer IS NOT NULL THEN 'named' WHEN a.customer IS NOT NULL THEN 'order' END AS why
FROM events e
LEFT JOIN sites s ON s.id = e.site
LEFT JOIN names n ON n.id = e.name
LEFT JOIN visitors v ON v.id = e.subject
LEFT JOIN persons u ON u.id = e.user
LEFT JOIN persons m ON m.id = e.email
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN referrers r ON r.id = e.referrer
LEFT JOIN campaigns c ON c.id = e.campaign
LEFT JOIN setups d ON d.id = e.setup
LEFT JOIN consents k ON k.id = e.consent
LEFT JOIN shapes ON shapes.id = e.shape
LEFT JOIN descriptions ON descriptions.id = e.description
LEFT JOIN tenancies t ON t.visitor = e.subject AND t.n = (
        SELECT b.n FROM tenancies b LEFT JOIN events x ON x.seq = b.from_seq LEFT JOIN events y ON y.seq = b.to_seq
        WHERE b.visitor = e.subject AND b.deleted = 0
            AND (b.from_time < e.time OR (b.from_time = e.time AND (CASE typeof(x.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(x.mid, 1, 4)), hex(substr(x.mid, 5, 2)), hex(substr(x.mid, 7, 2)), hex(substr(x.mid, 9, 2)), hex(substr(x.mid, 11, 6)))) ELSE x.mid END, x.trust = 3) <= (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3)))
            AND (b.to_time IS NULL OR b.to_time > e.time OR (b.to_time = e.time AND (CASE typeof(y.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(y.mid, 1, 4)), hex(substr(y.mid, 5, 2)), hex(substr(y.mid, 7, 2)), hex(substr(y.mid, 9, 2)), hex(substr(y.mid, 11, 6)))) ELSE y.mid END, y.trust = 3) > (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3)))
        LIMIT 1)
LEFT JOIN persons o ON e.subject < 0 AND o.id = -e.subject
LEFT JOIN orders a ON e.subject = 0 AND e.trust = 3 AND a.site = e.site AND a.deleted = 0
    AND a.order_id = CASE WHEN e.subject = 0 AND e.trust = 3 THEN (
        SELECT trim(coalesce(json_extract(said, '$.order_id'), json_extract(said, '$.orderId')))
        FROM (SELECT CASE WHEN e.shape IS NULL THEN coalesce(e.properties, '{}') ELSE (SELECT '{' || group_concat((shapes.names -> json_each.key) || ':' || (('[' || coalesce(descriptions.said, '') || e.properties || ']') -> json_each.value)) || '}' FROM json_each(shapes.places)) END AS said)) END
    AND EXISTS (SELECT 1 FROM order_calls q WHERE q.site = a.site AND q.order_id = a.order_id AND q.seq = e.seq)
LEFT JOIN persons w ON w.id = coalesce(t.customer, o.customer, a.customer);
