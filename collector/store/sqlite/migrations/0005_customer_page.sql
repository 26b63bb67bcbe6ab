-- What a customer's page and the list of customers ask.

-- The name beside the time: a look for some events only reads this index. About 2 bytes an event.
DROP INDEX events_timeline;
CREATE INDEX events_timeline ON events (subject, time, name);
-- Few events each, by nature: what staff wrote; claims that join nothing on sites that require signed identity.
CREATE INDEX events_staff ON events (subject, time) WHERE staff IS NOT NULL;
CREATE INDEX events_claimed_user ON events (user, time) WHERE trust = 0 AND user IS NOT NULL;
CREATE INDEX events_claimed_email ON events (email, time) WHERE trust = 0 AND email IS NOT NULL;
CREATE INDEX names_type ON names (type) WHERE type <> 'track';

-- A customer's newest orders first; order numbers by their beginning, in any case.
DROP INDEX orders_customer;
CREATE INDEX orders_customer ON orders (customer, time) WHERE customer IS NOT NULL;
DROP INDEX orders_number;
CREATE INDEX orders_number ON orders (order_id COLLATE NOCASE);

-- The list of customers, in each order that it can be shown in.
DROP INDEX customers_last_seen;
CREATE INDEX customers_last_seen ON customers (coalesce(last_seen, 0), customer) WHERE deleted = 0;
CREATE INDEX customers_first_seen ON customers (coalesce(first_seen, 0), customer) WHERE deleted = 0;
-- Who has no name comes last.
CREATE INDEX customers_name ON customers (coalesce(nullif(lower(name), ''), char(1114111)), customer) WHERE deleted = 0;
CREATE INDEX customers_orders ON customers (orders, customer) WHERE deleted = 0;
-- Derived: what a customer is found by (words.py), and what each has spent, currency by currency; a row's own are in
-- `customers` too, so that they can be taken out again. finding.py fills both where they are empty.
CREATE TABLE customer_words (
    word TEXT NOT NULL, customer INTEGER NOT NULL, PRIMARY KEY (word, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE customer_spend (
    currency TEXT NOT NULL,
    net REAL NOT NULL,                     -- sorts, and does nothing else: exact amounts are in `customers`
    customer INTEGER NOT NULL,
    PRIMARY KEY (currency, net, customer)
) STRICT, WITHOUT ROWID;
