-- What lets each further event of a visitor cost the same, however many there are.

-- A visit by its time: the one around a late event, the last one, those of a page of a timeline.
CREATE INDEX visits_time ON visits (visitor, first_time) WHERE deleted = 0;
-- The strongest log-in of a person from the end of the index. They also lead to a person's claims, as before.
DROP INDEX claims_user;
CREATE INDEX claims_user ON claims (user, act, strength) WHERE user IS NOT NULL;
DROP INDEX claims_email;
CREATE INDEX claims_email ON claims (email, user, act, strength) WHERE email IS NOT NULL;
-- A customer's spans on one visitor, in their order.
DROP INDEX tenancies_customer;
CREATE INDEX tenancies_customer ON tenancies (customer, visitor, n) WHERE customer IS NOT NULL;

-- A visitor's set is restated whole: one revision for all of its rows. `tenancies.rev` is the one that a row was written at.
CREATE TABLE tenancy_sets (visitor INTEGER PRIMARY KEY, rev INTEGER NOT NULL) STRICT;
INSERT INTO tenancy_sets (visitor, rev) SELECT visitor, max(rev) FROM tenancies GROUP BY visitor;
CREATE INDEX tenancy_sets_rev ON tenancy_sets (rev);
DROP INDEX tenancies_rev;
DROP VIEW v_identities;
CREATE VIEW v_identities AS SELECT
    CASE typeof(v.visitor) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', hex(substr(v.visitor, 1, 4)), hex(substr(v.visitor, 5, 2)), hex(substr(v.visitor, 7, 2)), hex(substr(v.visitor, 9, 2)), hex(substr(v.visitor, 11, 6)))) ELSE v.visitor END AS visitor,
    s.rev AS rev,
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
FROM tenancy_sets s
CROSS JOIN tenancies f ON f.visitor = s.visitor
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN events x ON x.seq = f.from_seq
LEFT JOIN events y ON y.seq = f.to_seq
LEFT JOIN events z ON z.seq = f.evidence
LEFT JOIN persons w ON w.id = f.customer;
