-- Which names of events and of properties a site's calls have used. Only keyed hashes: a name may hold anything.
CREATE TABLE vocabulary (
    site INTEGER NOT NULL,                 -- sites.id
    kind INTEGER NOT NULL,                 -- 0 event names, 1 property names; 2 more under the secret key
    hash INTEGER NOT NULL,
    PRIMARY KEY (site, kind, hash)
) STRICT, WITHOUT ROWID;
