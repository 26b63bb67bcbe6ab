-- For how many days each site keeps what; null: for good.
CREATE TABLE retention (
    site INTEGER PRIMARY KEY,
    browsing INTEGER, unknown INTEGER, orders INTEGER, consents INTEGER
) STRICT;
-- What events that have aged used of the dictionaries: looked at when the day's work is done.
CREATE TABLE aged_words (kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
