-- When each site's first event came: what a newcomer waits for. Written with the event; not derived, and nobody's data.
CREATE TABLE beginnings (
    site INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,                  -- events.seq; the event itself may have left since
    received INTEGER NOT NULL
) STRICT;
INSERT INTO beginnings SELECT site, min(seq), time + lag FROM events GROUP BY site;
