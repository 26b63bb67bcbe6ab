-- Who may use the console, whom they have looked up, and when a token was last used. Times are ms since 1970 (UTC).
CREATE TABLE users (
    name TEXT PRIMARY KEY,                 -- lower case
    role TEXT NOT NULL,                    -- owner, analyst, support
    password TEXT NOT NULL,                -- Argon2id, with its salt and its cost
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE sessions ADD COLUMN user TEXT; -- users.name; null: who came by a one-time link
ALTER TABLE tokens ADD COLUMN used INTEGER; -- to within a minute
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL, last INTEGER NOT NULL,   -- the first and the last of n alike
    n INTEGER NOT NULL,
    kind TEXT NOT NULL,                    -- user, link, token, command
    who TEXT NOT NULL,                     -- the name of the user or the token
    act TEXT NOT NULL,
    subject TEXT NOT NULL,                 -- a customer's key while there is one, else its keyed hash; a dataset; or ''
    hashed INTEGER NOT NULL                -- 1 where the subject is a hash
) STRICT;
CREATE INDEX audit_time ON audit (last);
CREATE INDEX audit_subject ON audit (subject, act);
