-- Derived: one row a visitor, when and where it was last seen, and how far it came. `footfall rebuild` makes it anew.
CREATE TABLE sightings (
    visitor INTEGER PRIMARY KEY,
    known INTEGER NOT NULL,                -- 1 where its latest event is a customer's
    site INTEGER NOT NULL,                 -- of its latest event
    last_time INTEGER NOT NULL, last_seq INTEGER NOT NULL,                     -- its latest event that forms a visit
    reached INTEGER NOT NULL,              -- prospects.Reached: the strongest step ever
    views INTEGER NOT NULL                 -- events Product Viewed
) STRICT;
CREATE INDEX sightings_reached ON sightings (known, site, reached, last_time);
-- Of what was taken in before this table was there.
INSERT INTO sightings
SELECT latest.visitor,
       EXISTS (SELECT 1 FROM tenancies WHERE visitor = latest.visitor AND deleted = 0 AND from_time <= latest.last_time
               AND (to_time IS NULL OR to_time > latest.last_time)),
       events.site, latest.last_time, latest.last_seq, coalesce(max(step), 0), count(*) FILTER (WHERE named.name = 'Product Viewed')
FROM (SELECT visitor, max(last_time) AS last_time, last_seq FROM visits WHERE deleted = 0 GROUP BY visitor) AS latest
JOIN events ON events.seq = latest.last_seq
LEFT JOIN events AS each ON each.subject = latest.visitor AND each.staff IS NULL
    AND each.seq <= (SELECT value FROM meta WHERE key = 'projected')
LEFT JOIN (SELECT id, name, CASE
               WHEN name IN ('Product Viewed', 'Product Clicked', 'Product Reviewed', 'Product Added to Wishlist') THEN 1
               WHEN name = 'Products Searched' THEN 2
               WHEN name = 'Product Added' THEN 3
               WHEN name IN ('Checkout Started', 'Checkout Step Viewed', 'Checkout Step Completed',
                             'Payment Info Entered') THEN 4
               WHEN name = 'Order Completed' THEN 5 END AS step
           FROM names WHERE type = 'track') AS named ON named.id = each.name
GROUP BY latest.visitor;
