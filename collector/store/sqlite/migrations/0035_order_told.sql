-- What the back end says of a customer's orders without naming anybody, as a timeline of its own: looked through in
-- bounded steps, however many orders there are.
CREATE TABLE order_told (
    customer INTEGER NOT NULL,
    time INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    name INTEGER NOT NULL,
    site INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (customer, time, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO order_told (customer, time, seq, name, site, order_id)
SELECT orders.customer, events.time, events.seq, events.name, orders.site, orders.order_id
FROM orders CROSS JOIN order_calls ON order_calls.site = orders.site AND order_calls.order_id = orders.order_id
CROSS JOIN events ON events.seq = order_calls.seq
WHERE orders.customer IS NOT NULL AND orders.deleted = 0 AND events.subject = 0 AND events.trust = 3;
CREATE INDEX order_told_order ON order_told (site, order_id);
