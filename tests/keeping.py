"""Keeps a database of today's schema as a fixture: `make fixture`, after each new migration, before it is given out.

What enters: nothing. What leaves: `tests/fixtures/schema-NNNN.db.gz`, a small busy shop as `footfall backup` copies it,
and beside it, as JSON, all that today's code answers of it. test_upgrade.py asks every later code for the same.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from conftest import make_site
from shop import MORNING, UUID, a_busy_day, call, order

from collector.event import DAY_MS, MINUTE_MS, Dropped, Reason
from collector.store import ActivityQuery, ExportQuery, Left, Quarantined, Token
from collector.store.audit import Act, Actor, By, Deed
from collector.store.datasets import DATASETS, columns
from collector.store.overview import OverviewQuery, Span
from collector.store.prospects import ProspectQuery
from collector.store.snippets import SnippetSettings
from collector.store.sqlite.backup import back_up
from collector.store.sqlite.connection import newest_schema
from collector.store.sqlite.store import SqliteStore
from collector.store.users import Role, User
from collector.store.vocabulary import Word, WordKind

FIXTURES = Path(__file__).parent / "fixtures"
KEYS = ("42", "email:joe@x", "user@outlet:7", "user:user@home", "email:ann@x", f"visitor:{UUID}", "visitor:tablet")
LATER = MORNING + 3 * DAY_MS


def a_kept_shop(path: Path) -> None:
    """The busy day and three days more: every table that outlives a day has rows."""
    with closing(a_busy_day(path)) as store:
        store.put_site(make_site("gone"))
        store.remove_site("gone", LATER)
        for name, revoked in (("desk", None), ("lost", LATER)):
            store.put_token(Token(name=name, hash=name * 16, scopes=("read",), created=MORNING, revoked=revoked))
        store.add_user(User(name="anna", role=Role.OWNER, password="a hash", created=MORNING))
        store.note([Deed(actor=Actor(By.USER, "anna"), act=Act.LOOKED_UP, subject="ann", time=LATER, last=LATER)])
        store.put_words([Word("shop", WordKind.EVENT, 4711)])
        store.put_snippet(SnippetSettings(site="shop"))
        ann: dict[str, Any] = {"visitor": "ann's phone"}
        store.append(
            [
                call("k1", "page", time=LATER, **ann, url="https://shop.example/p/1"),
                call("k2", "identify", time=LATER + 1, **ann, user="ann", email="ann@x"),
                order("k3", "1002", 3 * 24 * 60 + 5, **ann, user="ann"),
                call("k4", "identify", time=LATER + 9, visitor="shared", user="leaver"),
                call("k5", "page", time=LATER + 10, visitor="shared"),
                _refused(Reason.TOO_OLD, b'{"event":"Late"}'),
                _refused(Reason.BAD_USER_ID, b'{"userId":"null"}'),
                Left(site="shop", why=Dropped.BOT, received=LATER, user_agent="Bot/1", url="https://shop.example/"),
                Left(site="shop", why=Dropped.CONSENT, received=LATER),
            ]
        )
        _follow(store)
        store.undo_link("ann", "email:ann@x", LATER + MINUTE_MS)
        store.erase("leaver", LATER + 2 * MINUTE_MS)
        _follow(store)


def answers(path: Path) -> dict[str, Any]:
    """All that can be asked of the kept shop, as JSON."""
    with closing(SqliteStore.open(str(path), create=False)) as store:
        _follow(store)
        told = {
            "people": {key: [store.profile(key), store.activity(key, ActivityQuery(limit=100))] for key in KEYS},
            "customers": store.customers("", "name", None, 50),
            "prospects": store.prospects(ProspectQuery()),
            "overview": store.overview(OverviewQuery(span=Span.WEEK, now=LATER + DAY_MS)),
            "exports": {name: _exported(store, name) for name in DATASETS},
            "resolved": _exported(store, "events", resolve=True),
            "sites": store.sites(),
            "tokens": store.tokens(),
            "users": store.users(),
            "audit": store.audit(None, None, 50),
            "words": store.vocabulary().words,
            "quarantine": [[*refused.raw.decode(), refused.reason] for refused in store.quarantined(0, 50)],
            "beginning": store.beginning("shop", "2026-05-01"),
        }
        return dict(json.loads(msgspec.json.encode(told)))


def keep() -> Path:
    """Make the fixture of the newest schema, or make it anew."""
    FIXTURES.mkdir(exist_ok=True)
    kept = FIXTURES / f"schema-{newest_schema():04}.db.gz"
    with tempfile.TemporaryDirectory() as folder:
        made, copied = Path(folder, "made.db"), Path(folder, "copied.db")
        a_kept_shop(made)
        back_up(str(made), str(copied), force=False, deep=True, at=LATER, on_progress=lambda done, total: None)
        kept.write_bytes(gzip.compress(copied.read_bytes(), mtime=0))
        answered = json.dumps(answers(copied), indent=1, sort_keys=True, ensure_ascii=False)
    kept.with_name(kept.name.replace(".db.gz", ".json")).write_text(answered + "\n", encoding="utf-8")
    return kept


def _refused(reason: Reason, raw: bytes) -> Quarantined:
    return Quarantined(site="shop", server=False, received=LATER, reason=reason, detail="why", raw=raw)


def _exported(store: SqliteStore, name: str, **query: Any) -> list[dict[str, Any]]:
    names = [column.name for column in columns(DATASETS[name], resolve=query.get("resolve", False))]
    batches = store.export(name, ExportQuery(**query)).batches
    return [dict(zip(names, row, strict=True)) for batch in batches for row in batch]


def _follow(store: SqliteStore) -> None:
    while store.follow():
        pass


if __name__ == "__main__":
    print(f"kept {keep().relative_to(Path.cwd())}")  # noqa: T201
