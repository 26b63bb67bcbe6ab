"""Names of events and properties are limited per site and kind of key; beyond, calls go to quarantine with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import Start, make_site
from console import a_console, words

from collector.event import Call, Reason
from collector.ingest import vocabulary
from collector.ingest.vocabulary import EVERY_SITES, Vocabulary
from collector.store.sqlite.store import SqliteStore
from collector.store.vocabulary import KnownWords, Word, WordKind


def call(name: str = "", properties: Iterable[str] = (), type: str = "track") -> Call:
    return Call(type=type, name=name, id="m", time=0, received=0, properties=dict.fromkeys(properties, 1))


def refusals(of: Vocabulary, calls: Iterable[Call], server: bool = False) -> list[Reason | None]:
    found = (of.breach("shop", server, each) for each in calls)
    return [breach[0] if breach else None for breach in found]


REFUSED = Reason.TOO_MANY_NAMES


def test_known_names_pass_for_ever_and_new_ones_while_there_is_room() -> None:
    few = Vocabulary(2, 0)
    assert refusals(few, map(call, ("a", "b", "c", "a", "b", "c"))) == [None, None, REFUSED, None, None, REFUSED]
    assert refusals(few, [call("c")], server=True) == [None], "the back end's are counted apart"
    assert few.breach("outlet", False, call("c")) is None, "each site has its own"


def test_names_of_the_specs_pass_whatever_a_stranger_has_invented() -> None:
    few = Vocabulary(1, 0)
    assert refusals(few, map(call, ("junk", "more junk", *sorted(EVERY_SITES)))) == [None, REFUSED] + [None] * len(
        EVERY_SITES
    )
    assert {"Order Completed", "Feedback Given", "Segment Consent Preference Updated"} <= EVERY_SITES
    assert not any("\n" in name or "  " in name or not name for name in EVERY_SITES)


def test_a_page_may_have_any_name_and_no_limit_is_no_limit() -> None:
    assert refusals(Vocabulary(1, 0), [call(f"page {n}", type="page") for n in range(9)]) == [None] * 9
    assert refusals(Vocabulary(), [call(f"event {n}", [f"p{n}"]) for n in range(9)]) == [None] * 9


def test_a_call_with_more_new_properties_than_there_is_room_for_takes_none_of_it() -> None:
    few = Vocabulary(0, 3)
    calls = [call("e", "ab"), call("e", "acde"), call("e", "abc"), call("i", "d", "identify"), call("e", "abc")]
    assert refusals(few, calls) == [None, REFUSED, None, REFUSED, None]


def test_what_was_used_before_the_start_is_known_and_new_names_are_told_once() -> None:
    before = Vocabulary(3, 3)
    before.learn(KnownWords(b"key", []))
    refusals(before, [call("a", "x"), call("b"), call("a", "x")])
    told = before.new_words()
    assert [word.kind for word in told] == [WordKind.EVENT, WordKind.PROPERTY, WordKind.EVENT]
    assert before.new_words() == []
    after = Vocabulary(2, 3)
    after.learn(KnownWords(b"key", told))
    assert refusals(after, map(call, "abc")) == [None, None, REFUSED]
    assert after.new_words() == []


def test_memory_stays_small_where_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "SEEN_MAX", 100)
    free = Vocabulary()
    refusals(free, (call(f"event {n}", [f"p{n}"]) for n in range(10_000)))
    assert all(len(of.seen) <= 101 and not of.hashes for of in free._words.values()) and not free.new_words()


def test_a_store_keeps_words_once_and_never_as_text(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    word = Word("shop", WordKind.EVENT, -7)
    store.put_words([word, word, Word("nowhere", WordKind.EVENT, 1)])
    assert store.vocabulary().words == [word]
    store.close()


def track(name: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "anonymousId": "v", "properties": properties}


def test_over_the_limit_calls_are_in_quarantine_also_after_a_start(start: Start) -> None:
    collector = start(make_site(), flags=("--event-names-max", "2", "--property-names-max", "3"))
    sent = [track("A", x=1), track("B", y=1), track("C", x=1), track("Order Completed", x=1), track("A", z=1, q=1)]

    def post(key: str) -> list[tuple[str, str]]:
        batch = [{**each, "messageId": f"{key}{n}"} for n, each in enumerate(sent)]
        assert collector.post("/v1/batch", {"writeKey": key, "batch": batch}).status_code == 200
        return collector.query("SELECT reason, detail FROM quarantine ORDER BY id")  # type: ignore[return-value]

    refused = [
        ("too_many_names", "the site's calls use 2 event names already"),
        ("too_many_names", "the site's calls use 3 property names already"),
    ]
    assert post("wk_shop") == refused
    assert collector.stored() == ["wk_shop0", "wk_shop1", "wk_shop3"]
    collector.stop()
    collector.start()
    sent[0] = track("D", x=1)
    assert post("wk_shop")[2:] == [refused[0], refused[0], refused[1]]
    assert post("sk_shop")[5:] == [refused[0], refused[0]], "the back end has its own: D and B"
    raw = collector.query("SELECT CAST(raw AS TEXT) FROM quarantine ORDER BY id LIMIT 1")[0][0]
    assert json.loads(raw)["event"] == "C"


def test_the_console_warns_before_it_is_too_late(tmp_path: Path) -> None:
    with a_console(tmp_path, event_names_max=10) as console:
        notices = lambda: [words(one) for one in console.page("/console/quarantine").select("main .notice")]  # noqa: E731
        names = console.app.state.vocabulary
        refusals(names, [call(f"event {n}") for n in range(7)])
        assert notices() == []
        refusals(names, [call(f"event {n}") for n in range(9)])
        assert re.match(r"shop : 9 of 10 names of events are used by pages", notices()[0])
