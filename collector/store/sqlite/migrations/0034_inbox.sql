-- Calls that were accepted and of which the log could make nothing, by a bug of ours: kept for a Footfall that can.
-- What was accepted and is not in the log yet waits in a file of its own; meta 'filed' tells up to where it was filed.
CREATE TABLE stuck (
    id INTEGER PRIMARY KEY,
    event BLOB NOT NULL
) STRICT;
