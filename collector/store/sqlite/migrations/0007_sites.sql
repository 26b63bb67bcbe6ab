-- What a site has set for its snippet. All of it is public.
CREATE TABLE snippets (
    site INTEGER PRIMARY KEY,              -- sites.id
    cookie_domain TEXT NOT NULL,           -- '': the page's own host
    prompt TEXT                            -- JSON (store/snippets.py); null: the wording that comes with the prompt
) STRICT;
