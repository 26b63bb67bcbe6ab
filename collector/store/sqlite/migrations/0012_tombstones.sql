-- What was erased may not come back: keyed hashes of ids, each with the span of time whose calls are refused, so that
-- late retries, replays and restored backups find the door closed. A hash says nothing of whose it was (tombstones.py).
CREATE TABLE tombstones (
    hash INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL,  -- both included
    PRIMARY KEY (hash, from_time, to_time)
) STRICT, WITHOUT ROWID;
-- How many customers who were erased a device had while more than five shared it: it stays a shared one for the others.
CREATE TABLE departed (visitor INTEGER PRIMARY KEY, customers INTEGER NOT NULL) STRICT;
