"""Who may be written to: by address and topic, the latest explicit answer, and no more than it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Start, footfall, make_site
from shop import call

from collector.event import Event, Trust
from collector.store import ExportQuery
from collector.store.datasets import MAILING
from collector.store.sqlite.store import SqliteStore

NEWS = {"topic": "news"}
PROOF = {"source": "import", "text": "I want it", "confirmed_at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    yield store
    store.close()


def said(id: str, name: str, minute: float, email: str = "jane@x", **told: Any) -> Event:
    fields = {field: told.pop(field) for field in ("user", "trust", "visitor") if field in told}
    fields = {"trust": Trust.SERVER} | fields | ({"email": email} if email else {})
    return call(id, name, minute, properties={"email": email} | told if email else told, **fields)


def identify(id: str, trust: Trust, user: str = "jane") -> Event:
    return call(
        id, "identify", 0, visitor=f"v-{user}", user=user, email="jane@x", trust=trust, properties={"name": "J"}
    )


def settle(store: SqliteStore, *events: Event) -> None:
    store.append(events)
    while store.follow():
        pass


def listed(store: SqliteStore, topic: str = "news", **query: Any) -> dict[str, dict[str, Any]]:
    names = [column.name for column in MAILING]
    batches = store.export("customers", ExportQuery(mailing=topic, **query)).batches
    rows = [dict(zip(names, row, strict=True)) for batch in batches for row in batch]
    return {row["address"]: row for row in rows}


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([], "unknown"),
        ([said("a", "Subscribed", 1, **NEWS)], "yes"),
        ([said("a", "Subscribed", 1, topic="other")], "unknown"),
        ([said("a", "Subscribed", 1)], "unknown"),
        ([said("a", "Subscribed", 1, source="phone", **NEWS)], "yes"),
        ([said("a", "Subscribed", 1, source="import", **NEWS)], "unknown"),
        ([said("a", "Subscribed", 1, **NEWS, **PROOF)], "yes"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Unsubscribed", 2, **NEWS)], "no"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Unsubscribed", 2, list_id="other")], "yes"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Unsubscribed", 2)], "no"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Email Marked as Spam", 2)], "no"),
        ([said("a", "Unsubscribed", 1), said("b", "Subscribed", 2, **NEWS)], "yes"),
        ([said("a", "Unsubscribed", 1), said("b", "Subscribed", 2, source="import", **NEWS)], "no"),
        ([said("a", "Subscribed", 1, trust=Trust.CLAIMED, visitor="v", **NEWS)], "unknown"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Unsubscribed", 2, trust=Trust.CLAIMED, visitor="v")], "no"),
        ([said("a", "Subscribed", 1, **NEWS), said("b", "Unsubscribed", 2, email="other@x")], "yes"),
    ],
)
def test_the_latest_explicit_answer_of_the_address_and_the_topic_wins(
    tmp_path: Path, answers: list[Event], wanted: str
) -> None:
    told = [*answers, identify("i", Trust.SERVER)]
    for n, order in enumerate((told, told[::-1])):
        with closing(SqliteStore.open(str(tmp_path / f"{n}.db"))) as store:
            store.put_site(make_site())
            for event in order:
                settle(store, event)
            assert listed(store, everybody=True)["jane@x"]["state"] == wanted
            assert ("jane@x" in listed(store)) == (wanted == "yes")


def test_an_account_s_answer_counts_for_an_address_that_is_surely_its_own(store: SqliteStore) -> None:
    no = said("n", "Unsubscribed", 5, email="", user="jane")
    settle(store, said("y", "Subscribed", 1, **NEWS), identify("i", Trust.BROWSER), no)
    assert listed(store)["jane@x"]["customer"] is None, "a browser's word makes nobody's address an account's"
    settle(store, identify("j", Trust.SERVER))
    assert listed(store) == {}
    assert listed(store, everybody=True)["jane@x"]["customer"] == "jane"


def test_customer_exports_carry_it(store: SqliteStore, tmp_path: Path) -> None:
    text = {"text": "Letters about shoes", "language": "en", "version": "3", "confirmed_at": "2026-05-01T10:00:00Z"}
    settle(store, identify("i", Trust.SERVER), said("y", "Subscribed", 1, **NEWS, **text))
    store.close()
    done = footfall("export", "customers", "--format", "jsonl", "--out", str(tmp_path / "c"), db=store.path)
    assert done.returncode == 0, done.stderr
    [row] = map(json.loads, (tmp_path / "c").read_text().splitlines())
    [answer] = row["marketing"]
    assert answer == {
        "address": "jane@x", "topic": "news", "state": "yes", "source": "form", "text": text["text"],
        "language": "en", "version": "3", "confirmed": "2026-05-01T10:00:00.000Z", "time": "2026-05-01T08:01:00.007Z",
    }  # fmt: skip
    done = footfall("export", "customers", "--mailing", "news", "--format", "jsonl", db=store.path)
    assert [json.loads(line)["address"] for line in done.stdout.splitlines()] == ["jane@x"]
    assert footfall("export", "events", "--mailing", "news", db=store.path).returncode == 2


def test_a_list_comes_over_http_too(start: Start) -> None:
    collector = start(make_site())
    told = [{"type": "track", "event": "Subscribed", "properties": {"email": f"{n}@x", **NEWS}} for n in "ab"]
    told.append({"type": "track", "event": "Unsubscribed", "properties": {"email": "b@x"}})
    assert collector.post("/v1/batch", {"writeKey": "sk_shop", "batch": told}).status_code == 200

    def rows(query: str) -> list[str]:
        answer = collector.client.get(f"/api/export/{query}", headers={"authorization": "Bearer ft_reader"})
        return [line.split(",")[0] + " " + line.split(",")[2] for line in answer.text.splitlines()[1:]]

    assert rows("customers?mailing=news") == ["a@x yes"]
    assert rows("customers?mailing=news&answers=all") == ["a@x yes", "b@x no"]


def test_who_is_erased_is_on_no_list_and_a_rebuild_says_the_same(store: SqliteStore) -> None:
    settle(
        store,
        identify("i", Trust.SERVER),
        said("y", "Subscribed", 1, **NEWS),
        said("z", "Subscribed", 1, "o@x", **NEWS),
    )
    store.erase("jane", 2**45)
    assert list(listed(store, everybody=True)) == ["o@x"]
    before = listed(store)
    store.rebuild()
    assert listed(store) == before
