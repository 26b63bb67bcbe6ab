-- The SQL views: the datasets of the data dictionary, times as ISO 8601 text. Written out of columns.py; a test compares.

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
    coalesce(e.properties, '{}') AS properties,
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
LEFT JOIN consents k ON k.id = e.consent;

CREATE VIEW v_consents AS SELECT
    CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END AS id,
    e.seq AS seq,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time) / 1000, 'unixepoch') || printf('.%03dZ', (e.time) % 1000) AS time,
    strftime('%Y-%m-%dT%H:%M:%S', (e.time + e.lag) / 1000, 'unixepoch') || printf('.%03dZ', (e.time + e.lag) % 1000) AS received,
    s.name AS site,
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    u.value AS user_id,
    m.value AS email,
    CASE WHEN k.granted <> '' THEN '{' || replace(json_quote(k.granted), ',', '":true,"') || ':true}' ELSE '{}' END AS preferences,
    coalesce(p.url, '') AS url
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
WHERE e.name IN (SELECT id FROM names WHERE name = 'Segment Consent Preference Updated');

CREATE VIEW v_visits AS SELECT
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END AS visit,
    s.name AS site,
    strftime('%Y-%m-%dT%H:%M:%S', (f.first_time) / 1000, 'unixepoch') || printf('.%03dZ', (f.first_time) % 1000) AS from_time,
    strftime('%Y-%m-%dT%H:%M:%S', (f.last_time) / 1000, 'unixepoch') || printf('.%03dZ', (f.last_time) % 1000) AS to_time,
    f.events AS events,
    coalesce(p.url, '') AS landing_url,
    coalesce(p.title, '') AS landing_title,
    coalesce(r.referrer, '') AS referrer,
    coalesce(r.channel, '') AS channel,
    coalesce(c.source, '') AS campaign_source,
    coalesce(c.medium, '') AS campaign_medium,
    coalesce(c.name, '') AS campaign_name,
    coalesce(c.term, '') AS campaign_term,
    coalesce(c.content, '') AS campaign_content,
    coalesce(c.click_id, '') AS campaign_click_id,
    f.rev AS rev,
    f.deleted AS deleted
FROM visits f
JOIN events e ON e.seq = f.first_seq
LEFT JOIN sites s ON s.id = e.site
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN referrers r ON r.id = e.referrer
LEFT JOIN campaigns c ON c.id = f.campaign;

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
    f.rev AS rev,
    f.deleted AS deleted
FROM customers f JOIN persons w ON w.id = f.customer;

CREATE VIEW v_orders AS SELECT
    s.name AS site,
    f.order_id AS order_id,
    CASE WHEN w.kind = 1 THEN 'email:' || w.value WHEN w.space <> '' THEN 'user@' || replace(replace(w.space, '%', '%25'), ':', '%3A') || ':' || w.value WHEN w.value GLOB 'email:*' OR w.value GLOB 'visitor:*' OR w.value GLOB 'user:*' OR w.value GLOB 'user@*' THEN 'user:' || w.value ELSE w.value END AS customer,
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    f.confirmed AS confirmed,
    f.status AS status,
    strftime('%Y-%m-%dT%H:%M:%S', (f.time) / 1000, 'unixepoch') || printf('.%03dZ', (f.time) % 1000) AS time,
    f.currency AS currency,
    f.total AS total,
    f.refunded AS refunded,
    (SELECT CASE WHEN below THEN '-' ELSE '' END || i || CASE WHEN d > 0 THEN '.' || substr(printf('%018d', f), 1, d) ELSE '' END FROM (SELECT below, d, i - (f < 0) + (f >= 1000000000000000000) AS i, f + 1000000000000000000 * (f < 0) - 1000000000000000000 * (f >= 1000000000000000000) AS f FROM (SELECT i < 0 OR (i = 0 AND f < 0) AS below, d, CASE WHEN i < 0 OR (i = 0 AND f < 0) THEN -i ELSE i END AS i, CASE WHEN i < 0 OR (i = 0 AND f < 0) THEN -f ELSE f END AS f FROM (SELECT CAST(f.total AS INTEGER) - CAST(f.refunded AS INTEGER) AS i, CASE WHEN f.total GLOB '-*' THEN -CAST(substr(CASE instr(f.total, '.') WHEN 0 THEN '' ELSE substr(f.total, instr(f.total, '.') + 1) END || '000000000000000000', 1, 18) AS INTEGER) ELSE CAST(substr(CASE instr(f.total, '.') WHEN 0 THEN '' ELSE substr(f.total, instr(f.total, '.') + 1) END || '000000000000000000', 1, 18) AS INTEGER) END - CASE WHEN f.refunded GLOB '-*' THEN -CAST(substr(CASE instr(f.refunded, '.') WHEN 0 THEN '' ELSE substr(f.refunded, instr(f.refunded, '.') + 1) END || '000000000000000000', 1, 18) AS INTEGER) ELSE CAST(substr(CASE instr(f.refunded, '.') WHEN 0 THEN '' ELSE substr(f.refunded, instr(f.refunded, '.') + 1) END || '000000000000000000', 1, 18) AS INTEGER) END AS f, max(length(CASE instr(f.total, '.') WHEN 0 THEN '' ELSE substr(f.total, instr(f.total, '.') + 1) END), length(CASE instr(f.refunded, '.') WHEN 0 THEN '' ELSE substr(f.refunded, instr(f.refunded, '.') + 1) END)) AS d))) WHERE i IS NOT NULL) AS net,
    json_extract(f.fold, '$.revenue') AS revenue,
    json_extract(f.fold, '$.tax') AS tax,
    json_extract(f.fold, '$.shipping') AS shipping,
    json_extract(f.fold, '$.discount') AS discount,
    coalesce(json_extract(f.fold, '$.coupons'), '[]') AS coupons,
    json_extract(f.fold, '$.sold_via') AS sold_via,
    json_extract(f.fold, '$.location') AS location,
    f.rev AS rev,
    f.deleted AS deleted
FROM orders f
LEFT JOIN sites s ON s.id = f.site
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN persons w ON w.id = f.customer;

CREATE VIEW v_order_lines AS SELECT
    s.name AS site,
    f.order_id AS order_id,
    f.n AS n,
    f.product_id AS product_id,
    f.variant_id AS variant_id,
    f.sku AS sku,
    f.name AS name,
    f.quantity AS quantity,
    f.price AS price,
    f.discount AS discount,
    f.rev AS rev,
    f.deleted AS deleted
FROM order_lines f
LEFT JOIN sites s ON s.id = f.site
LEFT JOIN orders o ON o.site = f.site AND o.order_id = f.order_id;

CREATE VIEW v_identities AS SELECT
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    f.rev AS rev,
    f.n AS n,
    strftime('%Y-%m-%dT%H:%M:%S', (f.from_time) / 1000, 'unixepoch') || printf('.%03dZ', (f.from_time) % 1000) AS from_time,
    CASE typeof(x.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(x.mid, 1, 4)), hex(substr(x.mid, 5, 2)), hex(substr(x.mid, 7, 2)), hex(substr(x.mid, 9, 2)), hex(substr(x.mid, 11, 6)))) ELSE x.mid END AS from_id,
    strftime('%Y-%m-%dT%H:%M:%S', (f.to_time) / 1000, 'unixepoch') || printf('.%03dZ', (f.to_time) % 1000) AS to_time,
    CASE typeof(y.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(y.mid, 1, 4)), hex(substr(y.mid, 5, 2)), hex(substr(y.mid, 7, 2)), hex(substr(y.mid, 9, 2)), hex(substr(y.mid, 11, 6)))) ELSE y.mid END AS to_id,
    CASE WHEN w.kind = 1 THEN 'email:' || w.value WHEN w.space <> '' THEN 'user@' || replace(replace(w.space, '%', '%25'), ':', '%3A') || ':' || w.value WHEN w.value GLOB 'email:*' OR w.value GLOB 'visitor:*' OR w.value GLOB 'user:*' OR w.value GLOB 'user@*' THEN 'user:' || w.value ELSE w.value END AS customer,
    f.why AS why,
    CASE f.strength WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END AS strength,
    CASE typeof(z.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(z.mid, 1, 4)), hex(substr(z.mid, 5, 2)), hex(substr(z.mid, 7, 2)), hex(substr(z.mid, 9, 2)), hex(substr(z.mid, 11, 6)))) ELSE z.mid END AS evidence,
    f.deleted AS deleted
FROM tenancies f
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN events x ON x.seq = f.from_seq
LEFT JOIN events y ON y.seq = f.to_seq
LEFT JOIN events z ON z.seq = f.evidence
LEFT JOIN persons w ON w.id = f.customer;

CREATE VIEW v_erasures AS SELECT
    f.id AS erasure,
    strftime('%Y-%m-%dT%H:%M:%S', (f.time) / 1000, 'unixepoch') || printf('.%03dZ', (f.time) % 1000) AS time,
    f.customer_hash AS customer_hash,
    f.events AS events,
    f.seqs AS seqs,
    f.id AS rev,
    0 AS deleted
FROM erasures f;

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
    coalesce(e.properties, '{}') AS properties,
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
LEFT JOIN tenancies t ON t.visitor = e.subject AND t.n = (
        SELECT b.n FROM tenancies b LEFT JOIN events x ON x.seq = b.from_seq LEFT JOIN events y ON y.seq = b.to_seq
        WHERE b.visitor = e.subject AND b.deleted = 0
            AND (b.from_time < e.time OR (b.from_time = e.time AND (CASE typeof(x.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(x.mid, 1, 4)), hex(substr(x.mid, 5, 2)), hex(substr(x.mid, 7, 2)), hex(substr(x.mid, 9, 2)), hex(substr(x.mid, 11, 6)))) ELSE x.mid END, x.trust = 3) <= (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3)))
            AND (b.to_time IS NULL OR b.to_time > e.time OR (b.to_time = e.time AND (CASE typeof(y.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(y.mid, 1, 4)), hex(substr(y.mid, 5, 2)), hex(substr(y.mid, 7, 2)), hex(substr(y.mid, 9, 2)), hex(substr(y.mid, 11, 6)))) ELSE y.mid END, y.trust = 3) > (CASE typeof(e.mid) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(e.mid, 1, 4)), hex(substr(e.mid, 5, 2)), hex(substr(e.mid, 7, 2)), hex(substr(e.mid, 9, 2)), hex(substr(e.mid, 11, 6)))) ELSE e.mid END, e.trust = 3)))
        LIMIT 1)
LEFT JOIN persons o ON e.subject < 0 AND o.id = -e.subject
LEFT JOIN orders a ON e.subject = 0 AND e.trust = 3 AND a.site = e.site AND a.deleted = 0
    AND a.order_id = trim(coalesce(json_extract(e.properties, '$.order_id'), json_extract(e.properties, '$.orderId')))
    AND EXISTS (SELECT 1 FROM order_calls q WHERE q.site = a.site AND q.order_id = a.order_id AND q.seq = e.seq)
LEFT JOIN persons w ON w.id = coalesce(t.customer, o.customer, a.customer);
