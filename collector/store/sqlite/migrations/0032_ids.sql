-- The ids of customers as numbers of who bears them, each with its strength (ids.py): their texts are in `persons`.
UPDATE customers SET ids = (
    SELECT json_group_array(json_array(persons.id, CASE known.value ->> 'strength'
        WHEN 'claimed' THEN 0 WHEN 'browser' THEN 1 WHEN 'signed' THEN 2 ELSE 3 END))
    FROM json_each(customers.ids) AS known CROSS JOIN persons
    ON persons.value = known.value ->> 'value' AND persons.kind = (known.value ->> 'kind' = 'email')
        AND persons.space = coalesce(known.value ->> 'space', ''))
WHERE ids <> '[]';
DROP VIEW v_customers;
CREATE VIEW v_customers AS SELECT
    CASE WHEN w.kind = 1 THEN 'email:' || w.value WHEN w.space <> '' THEN 'user@' || replace(replace(w.space, '%', '%25'), ':', '%3A') || ':' || w.value WHEN w.value GLOB 'email:*' OR w.value GLOB 'visitor:*' OR w.value GLOB 'user:*' OR w.value GLOB 'user@*' THEN 'user:' || w.value ELSE w.value END AS customer,
    f.kind AS kind,
    (SELECT json_group_array(json(CASE bearer.space WHEN '' THEN json_object('kind', CASE bearer.kind WHEN 1 THEN 'email' ELSE 'user' END, 'value', bearer.value, 'strength', CASE known.value ->> 1 WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END) ELSE json_object('kind', CASE bearer.kind WHEN 1 THEN 'email' ELSE 'user' END, 'value', bearer.value, 'strength', CASE known.value ->> 1 WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END, 'space', bearer.space) END)) FROM json_each(f.ids) AS known CROSS JOIN persons AS bearer ON bearer.id = known.value ->> 0) AS ids,
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
