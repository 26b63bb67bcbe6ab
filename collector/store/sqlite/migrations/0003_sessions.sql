-- Who is signed in to the console. Secrets are kept as SHA-256 in hex alone; times are ms since 1970 (UTC).
CREATE TABLE signin_links (
    hash TEXT PRIMARY KEY,
    expires INTEGER NOT NULL               -- a link that was used is gone
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL                  -- when it was last used, to within a few minutes
) STRICT, WITHOUT ROWID;
