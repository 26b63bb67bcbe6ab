"""Settings, tokens and the quarantine: the tables that staff work with.

What enters: a writing connection and the port's own values. What leaves: sites, tokens, refused calls.
It knows nothing of events and of keys only their hashes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from collector.errors import Misuse, NotFound
from collector.event import ConsentMode, IdentityMode, Reason, Site
from collector.store import Quarantined, Token

QUARANTINE_ROWS_MAX = 10_000
QUARANTINE_BYTES_MAX = 256 * 1024 * 1024

SITES = """
SELECT name, write_key, secret_key_hash, identity_key, origins, consent, identity, timezone, ids, staff
FROM sites WHERE removed IS NULL ORDER BY id
"""
# A name keeps its row, and thereby its events, also after it was removed and added again.
PUT_SITE = """
INSERT INTO sites (name, write_key, secret_key_hash, identity_key, origins, consent, identity, timezone, ids,
    staff)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET
    write_key = excluded.write_key, secret_key_hash = excluded.secret_key_hash, identity_key = excluded.identity_key,
    origins = excluded.origins, consent = excluded.consent, identity = excluded.identity,
    timezone = excluded.timezone, ids = excluded.ids, staff = excluded.staff, removed = NULL
"""
REMOVE_SITE = "UPDATE sites SET removed = ? WHERE name = ? AND removed IS NULL"
TOKENS = "SELECT name, hash, scopes, created, revoked, used FROM tokens ORDER BY id"
PUT_TOKEN = "INSERT INTO tokens (name, hash, scopes, created, revoked) VALUES (?, ?, ?, ?, ?)"
USE_TOKEN = "UPDATE tokens SET used = max(coalesce(used, 0), ?) WHERE hash = ?"
REVOKE_TOKEN = "UPDATE tokens SET revoked = ? WHERE name = ? AND revoked IS NULL"
IS_TOKEN = "SELECT 1 FROM tokens WHERE name = ?"
QUARANTINED = """
SELECT q.id, s.name, q.server, q.received, q.reason, q.detail, q.raw, q.arrival
FROM quarantine q JOIN sites s ON s.id = q.site WHERE q.id > ? ORDER BY q.id LIMIT ?
"""
# The primary key, downwards; the table is capped, so that looking through all of it takes no time to speak of.
REFUSALS = """
SELECT q.id, s.name, q.server, q.received, q.reason, q.detail, q.raw, q.arrival
FROM quarantine q JOIN sites s ON s.id = q.site
WHERE (?1 IS NULL OR s.name = ?1) AND (?2 IS NULL OR q.reason = ?2) AND (?3 IS NULL OR q.id < ?3)
ORDER BY q.id DESC LIMIT ?4
"""
REFUSALS_BY_ID = """
SELECT q.id, s.name, q.server, q.received, q.reason, q.detail, q.raw, q.arrival
FROM quarantine q JOIN sites s ON s.id = q.site WHERE q.id IN (SELECT value FROM json_each(?)) ORDER BY q.id
"""
REFUSAL_COUNTS = """
SELECT q.reason, count(*) AS n FROM quarantine q JOIN sites s ON s.id = q.site
WHERE ?1 IS NULL OR s.name = ?1 GROUP BY q.reason ORDER BY n DESC, q.reason
"""
KEEP = "INSERT INTO quarantine (site, server, received, reason, detail, raw, arrival) VALUES (?, ?, ?, ?, ?, ?, ?)"
# The newest stay; where they pass the cap, by number or by size, all older ones leave.
CAP = """
DELETE FROM quarantine WHERE id <= (
    SELECT max(id) FROM (
        SELECT id, row_number() OVER newest AS rows, sum(length(raw)) OVER newest AS bytes
        FROM quarantine WINDOW newest AS (ORDER BY id DESC)
    ) WHERE rows > ? OR bytes > ?
)
"""
RELEASE = "DELETE FROM quarantine WHERE id = ?"


def sites(conn: sqlite3.Connection) -> list[Site]:
    """All sites that were not removed, in the order in which they were added."""
    return [
        Site(
            name=name,
            write_key=write_key,
            secret_key_hash=secret_key_hash,
            identity_key=identity_key,
            origins=tuple(json.loads(origins)),
            consent=ConsentMode(consent),
            identity=IdentityMode(identity),
            timezone=timezone,
            ids=ids,
            staff=tuple(json.loads(staff)),
        )
        for (
            name,
            write_key,
            secret_key_hash,
            identity_key,
            origins,
            consent,
            identity,
            timezone,
            ids,
            staff,
        ) in conn.execute(SITES)
    ]


def put_site(conn: sqlite3.Connection, site: Site) -> None:
    """Add the site, or change the one of this name."""
    conn.execute(
        PUT_SITE,
        (
            site.name,
            site.write_key,
            site.secret_key_hash,
            site.identity_key,
            json.dumps(site.origins),
            site.consent.value,
            site.identity.value,
            site.timezone,
            site.ids,
            json.dumps(site.staff),
        ),
    )


def remove_site(conn: sqlite3.Connection, name: str, at: int) -> None:
    """Its keys stop working; its events stay. Raises NotFound."""
    if conn.execute(REMOVE_SITE, (at, name)).rowcount == 0:
        raise NotFound(f"there is no site {name}")


def tokens(conn: sqlite3.Connection) -> list[Token]:
    """All tokens ever created, the revoked ones included."""
    return [
        Token(name=name, hash=hash, scopes=tuple(json.loads(scopes)), created=created, revoked=revoked, used=used)
        for name, hash, scopes, created, revoked, used in conn.execute(TOKENS)
    ]


def put_token(conn: sqlite3.Connection, token: Token) -> None:
    """Add a token. Raises Misuse where the name was ever used."""
    row = (token.name, token.hash, json.dumps(token.scopes), token.created, token.revoked)
    try:
        conn.execute(PUT_TOKEN, row)
    except sqlite3.IntegrityError as error:
        raise Misuse(f"there is a token named {token.name} already") from error


def revoke_token(conn: sqlite3.Connection, name: str, at: int) -> None:
    """It opens nothing from now on. Raises NotFound where none of this name is valid."""
    if conn.execute(REVOKE_TOKEN, (at, name)).rowcount == 0:
        known = conn.execute(IS_TOKEN, (name,)).fetchone() is not None
        raise NotFound(f"the token {name} is revoked already" if known else f"there is no token {name}")


def touch_tokens(conn: sqlite3.Connection, used: Iterable[tuple[str, int]]) -> None:
    """When tokens, by their hashes, were last used."""
    conn.executemany(USE_TOKEN, [(at, hash) for hash, at in used])


def keep(conn: sqlite3.Connection, refused: Iterable[tuple[int, Quarantined]]) -> None:
    """Put refused calls, each with its site's row id, into the quarantine; the oldest leave beyond the cap.

    Runs within the caller's transaction.
    """
    conn.executemany(KEEP, (_row(site, call) for site, call in refused))
    conn.execute(CAP, (QUARANTINE_ROWS_MAX, QUARANTINE_BYTES_MAX))


def quarantined(conn: sqlite3.Connection, after: int, limit: int) -> list[Quarantined]:
    """Refused calls with an id beyond `after`, oldest first."""
    return [_quarantined(*row) for row in conn.execute(QUARANTINED, (after, limit))]


def refusals(
    conn: sqlite3.Connection, site: str | None, reason: str | None, before: int | None, limit: int
) -> list[Quarantined]:
    return [_quarantined(*row) for row in conn.execute(REFUSALS, (site, reason, before, limit))]


def refusals_by_id(conn: sqlite3.Connection, ids: Iterable[int]) -> list[Quarantined]:
    return [_quarantined(*row) for row in conn.execute(REFUSALS_BY_ID, (json.dumps([*ids]),))]


def refusal_counts(conn: sqlite3.Connection, site: str | None) -> dict[Reason, int]:
    return {Reason(reason): n for reason, n in conn.execute(REFUSAL_COUNTS, (site,))}


def release(conn: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Take calls out of the quarantine, all or none."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        conn.executemany(RELEASE, ((id,) for id in ids))
        conn.execute("COMMIT")
    except BaseException:
        conn.execute("ROLLBACK")
        raise


def _quarantined(
    id: int, site: str, server: int, received: int, reason: str, detail: str, raw: bytes, arrival: str
) -> Quarantined:
    return Quarantined(
        id=id,
        site=site,
        server=bool(server),
        received=received,
        reason=Reason(reason),
        detail=detail,
        raw=raw,
        arrival=json.loads(arrival),
    )


def _row(site: int, call: Quarantined) -> tuple[Any, ...]:
    arrival = json.dumps(call.arrival, ensure_ascii=False, separators=(",", ":"))
    return (site, int(call.server), call.received, call.reason.value, call.detail, call.raw, arrival)
