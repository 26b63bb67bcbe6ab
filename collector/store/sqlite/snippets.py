"""What sites have set for their snippets: one small table.

What enters: a connection, settings by the site's name. What leaves: those settings. It knows nothing of keys.
"""

from __future__ import annotations

import sqlite3

import msgspec

from collector.errors import NotFound
from collector.store.snippets import Prompt, SnippetSettings

SNIPPETS = """
SELECT s.name, t.cookie_domain, t.prompt FROM snippets t JOIN sites s ON s.id = t.site
WHERE s.removed IS NULL ORDER BY s.id
"""
PUT_SNIPPET = """
INSERT INTO snippets (site, cookie_domain, prompt) SELECT id, ?, ? FROM sites WHERE name = ? AND removed IS NULL
ON CONFLICT (site) DO UPDATE SET cookie_domain = excluded.cookie_domain, prompt = excluded.prompt
"""

_read_prompt = msgspec.json.Decoder(Prompt).decode


def snippets(conn: sqlite3.Connection) -> list[SnippetSettings]:
    """Of all sites that have set anything, in the order in which they were added."""
    return [
        SnippetSettings(site=site, cookie_domain=domain, prompt=_read_prompt(prompt) if prompt else None)
        for site, domain, prompt in conn.execute(SNIPPETS)
    ]


def put_snippet(conn: sqlite3.Connection, settings: SnippetSettings) -> None:
    """Replace what the site had set. Raises NotFound."""
    prompt = msgspec.json.encode(settings.prompt).decode() if settings.prompt else None
    if conn.execute(PUT_SNIPPET, (settings.cookie_domain, prompt, settings.site)).rowcount == 0:
        raise NotFound(f"there is no site {settings.site}")
