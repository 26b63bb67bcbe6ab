"""The consent log: what visitors said stays, who they were goes; and a withdrawal is heard at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from analyst import rows_of
from conftest import make_site

from collector.event import CONSENT_CHANGED, Dropped, Event, Reason, Trust, Withdrawal
from collector.store import Entry, Left, Outcome, Quarantined
from collector.store.sqlite.store import SqliteStore

STORED, WITHDRAWN, DROPPED = Outcome.STORED, Outcome.WITHDRAWN, Outcome.DROPPED
SHOWN = {"text": "May we?", "language": "en", "version": "7"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site("outlet"))
    yield store
    store.close()


def page(id: str, visitor: str = "v", **fields: Any) -> Event:
    told = {"site": "shop", "type": "page", "name": "", "trust": Trust.BROWSER, "time": 1, "received": 1} | fields
    return Event(id=id, visitor=visitor, **told)


def grant(id: str, visitor: str = "v", **fields: Any) -> Event:
    told = {"type": "track", "name": CONSENT_CHANGED, "consent": "Analytics", "properties": json.dumps(SHOWN)}
    return page(id, visitor, **(told | fields))


def withdrawal(visitor: str = "v", site: str = "shop", at: int = 5) -> Left:
    said = Withdrawal(visitor=visitor, time=at, refused="Analytics", version="7")
    return Left(site=site, why=Dropped.CONSENT, received=at, withdrawal=said)


def log(store: SqliteStore) -> list[dict[str, Any]]:
    return rows_of(store, "consents")[0]


def test_the_log_says_who_when_what_by_which_text_and_where(store: SqliteStore) -> None:
    store.append([page("p"), grant("g", refused="Marketing", url="https://shop.example/", user="u", email="u@x")])
    [row] = log(store)
    assert row == {
        "id": "g", "seq": 2, "time": 1, "received": 1, "site": "shop", "visitor": "v", "user_id": "u", "email": "u@x",
        "preferences": '{"Analytics":true}', "refused": '{"Marketing":false}', "url": "https://shop.example/",
        **SHOWN, "who_hash": "",
    }  # fmt: skip


BROKEN = Quarantined(
    site="shop", server=False, received=9, reason=Reason.TOO_DEEP, detail="", raw=b'{"anonymousId":"v"}'
)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([page("a"), withdrawal(), page("b")], [STORED, DROPPED, WITHDRAWN]),
        ([page("a"), withdrawal(), page("b", "other")], [STORED, DROPPED, STORED]),
        ([page("a"), withdrawal(), page("b", site="outlet")], [STORED, DROPPED, STORED]),
        ([page("a"), withdrawal(), page("b", trust=Trust.SERVER)], [STORED, DROPPED, STORED]),
        ([page("a"), withdrawal(), BROKEN], [STORED, DROPPED, WITHDRAWN]),
        ([page("a"), withdrawal(), grant("g"), page("b")], [STORED, DROPPED, STORED, STORED]),
        ([page("a"), withdrawal(), grant("g", consent="Marketing"), page("b")], [STORED, DROPPED, *[WITHDRAWN] * 2]),
        ([withdrawal(), page("b")], [DROPPED, STORED]),
    ],
    ids=["stops", "others", "other site", "back end", "broken", "again", "another purpose", "unknown"],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_withdrawal_stops_collection_at_once(
    store: SqliteStore, said: list[Entry], wanted: list[Outcome], together: bool
) -> None:
    outcomes = store.append(said) if together else [outcome for each in said for outcome in store.append([each])]
    assert outcomes == wanted


def test_a_withdrawal_is_logged_of_whom_something_is_kept_and_of_nobody_else(store: SqliteStore) -> None:
    store.append([page("a"), withdrawal("v"), withdrawal("stranger"), page("z", "w")])
    [row] = log(store)
    assert (row["visitor"], row["time"], row["refused"], row["version"]) == ("v", 5, '{"Analytics":false}', "7")
    assert (row["id"], row["url"]) == ("", "")
    assert b"stranger" not in b"".join(file.read_bytes() for file in Path(store.path).parent.iterdir())
    events, cursor = rows_of(store, "events")
    assert [(each["id"], each["seq"]) for each in events] == [("a", 1), ("z", 2)]
    assert row["seq"] == 3 and cursor == "3"
    store.append([page("b", "w")])
    assert rows_of(store, "events", since=cursor)[0][0]["id"] == "b"


def test_after_an_erasure_the_log_has_a_hash_of_who_it_was(store: SqliteStore) -> None:
    store.append([page("a"), grant("g"), page("i", type="identify", user="jane"), withdrawal(), grant("o", "w")])
    while store.follow():
        pass
    receipt = store.erase("jane", 9)
    gone, other, gone_too = log(store)
    for row in (gone, gone_too):
        assert (row["who_hash"], row["id"], row["visitor"], row["url"]) == (receipt.hash, "", None, "")
    assert (gone["preferences"], gone["text"]) == ('{"Analytics":true}', "May we?")
    assert gone_too["refused"] == '{"Analytics":false}'
    assert (other["id"], other["visitor"], other["who_hash"]) == ("o", "w", "")
    assert store.append([page("late", time=20, received=20)]) == [WITHDRAWN], "the withdrawal outlives the erasure"
