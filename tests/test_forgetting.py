"""What a browser may have erased by its id alone: what it told the site itself, and nothing of anybody else."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from analyst import rows_of
from conftest import SHOP, Collector, Start, make_site

from collector.event import CONSENT_CHANGED, ConsentMode, Event, Reason, Trust
from collector.store import ActivityQuery, Outcome, Quarantined
from collector.store.audit import Act, Actor, By, Deed
from collector.store.sqlite import graveyard
from collector.store.sqlite.restore import restore
from collector.store.sqlite.store import SqliteStore
from collector.web.forgetting import PER_ADDRESS

MINUTE, DAY = 60_000, 86_400_000
AT = 9 * DAY


def event(id: str, time: int, **fields: Any) -> Event:
    told = {"site": "shop", "type": "page", "name": "", "trust": Trust.BROWSER, "visitor": "tablet", **fields}
    return Event(id=id, time=time, received=time, **told)


def login(id: str, time: int, user: str, **fields: Any) -> Event:
    return event(id, time, type="identify", user=user, **fields)


def order(id: str, time: int, number: str, **fields: Any) -> Event:
    told = json.dumps({"order_id": number, "total": "5", "currency": "EUR"})
    return event(id, time, type="track", name="Order Completed", properties=told, **fields)


def settle(store: SqliteStore) -> None:
    while store.follow():
        pass


def note(store: SqliteStore, who: Actor, act: Act, at: int) -> None:
    store.note([Deed(actor=who, act=act, subject="visitor:tablet", time=at, last=at)])


def shown(store: SqliteStore, key: str) -> dict[str, str | None]:
    page = store.activity(key, ActivityQuery(limit=100))
    return {each.id: each.customer for each in page.events} if page else {}


def test_it_takes_what_is_nobodys_and_what_is_of_who_is_there_now(store: SqliteStore) -> None:
    told = [event("a1", 0), login("a2", MINUTE, "A", properties='{"name":"Ann"}'), event("a3", DAY)]
    others = [event("w1", 0, visitor="phone"), login("w2", 1, "A", visitor="phone")]
    back_end = [order("s1", DAY, "7001", visitor=None, user="A", trust=Trust.SERVER)]
    store.append([*told, *others, *back_end])
    receipt = store.erase_browsing("shop", "tablet", AT)
    assert (receipt.events, receipt.visitors) == (3, 1)
    assert shown(store, "visitor:tablet") == {}
    assert shown(store, "A") == {"w1": "A", "w2": "A", "s1": "A"}
    profile = store.profile("A")
    assert profile is not None and profile.traits == {} and profile.orders.count == 1
    [erased] = rows_of(store, "erasures")[0]
    assert (erased["customer_hash"], erased["seqs"]) == (receipt.hash, "[[1,3]]")
    assert store.erase_browsing("shop", "tablet", AT) == type(receipt)(
        hash=receipt.hash, events=0, visitors=0, quarantined=0
    )
    store.rebuild()
    assert shown(store, "A") == {"w1": "A", "w2": "A", "s1": "A"}


def test_another_customer_of_the_device_keeps_exactly_theirs_whoever_asks(store: SqliteStore) -> None:
    out = {"type": "track", "name": "Signed Out"}
    store.append(
        [
            event("a1", 0),
            login("a2", MINUTE, "A"),
            event("a3", 2 * MINUTE, user="A", **out),
            event("n1", DAY),
            event("b1", 2 * DAY),
            login("b2", 2 * DAY + MINUTE, "B"),
            event("b3", 3 * DAY, user="B", **out),
            event("n2", 4 * DAY),
            login("c1", 5 * DAY, "mallory"),
        ]
    )
    settle(store)
    before = {key: shown(store, key) for key in ("A", "B")}
    assert store.erase_browsing("shop", "tablet", AT).events == 3, "n1, n2 and mallory's own"
    assert {key: shown(store, key) for key in ("A", "B")} == before
    assert set(shown(store, "visitor:tablet")) == {"a1", "a2", "a3", "b1", "b2", "b3"}
    late = [event("n0", DAY + 1), event("b9", 2 * DAY + 2 * MINUTE)]
    assert store.append(late) == [Outcome.DROPPED, Outcome.WITHDRAWN], "of the time before, and after"
    settle(store)
    store.append([login("d1", AT + DAY, "D", trust=Trust.SERVER)])
    settle(store)
    assert {key: shown(store, key) for key in ("A", "B")} == before, "nobody inherits what is left"


def test_what_has_more_than_the_browsers_word_stays_and_is_told_to_staff(store: SqliteStore) -> None:
    signed = login("a2", MINUTE, "A", trust=Trust.SIGNED)
    bought = order("s1", 2 * MINUTE, "7001", user="A", trust=Trust.SERVER)
    store.append([event("a1", 0), signed, bought, order("a3", 2 * MINUTE, "7001"), event("w1", 0, visitor="other")])
    assert store.erase_browsing("shop", "tablet", AT).events == 2
    assert shown(store, "A") == {"a2": "A", "s1": "A"}
    assert store.profile("A").orders.unconfirmed == 0  # type: ignore[union-attr]
    visitor, desk = Actor(By.VISITOR), Actor(By.USER, "desk")
    note(store, visitor, Act.ERASED, AT)
    assert store.asked_erasure(9) == [("visitor:tablet", AT)]
    note(store, desk, Act.SETTLED, AT + 1)
    assert store.asked_erasure(9) == []
    note(store, visitor, Act.ERASED, AT + DAY)
    assert store.asked_erasure(9) == [("visitor:tablet", AT + DAY)]
    store.erase("visitor:tablet", AT + DAY)
    assert store.asked_erasure(9) == [], "an erasure takes the request along"


def test_a_browser_keeps_no_order_out_that_the_back_end_has_still_to_tell(store: SqliteStore) -> None:
    store.append([order("a1", 0, "7001"), login("a2", 1, "A")])
    assert store.erase_browsing("shop", "tablet", AT).events == 2
    assert rows_of(store, "orders")[0] == []
    told = order("s1", 0, "7001", visitor=None, email="jane@x.example", trust=Trust.SERVER)
    assert store.append([told, order("a1", 0, "7001")]) == [Outcome.STORED, Outcome.DROPPED]
    settle(store)
    assert store.profile("email:jane@x.example").orders.count == 1  # type: ignore[union-attr]


def test_one_sites_key_reaches_nothing_of_another(store: SqliteStore) -> None:
    refused = {"received": 0, "reason": Reason.TOO_OLD, "detail": "", "raw": b'{"anonymousId":"tablet"}'}
    left = [Quarantined(site=site, server=server, **refused) for site, server in  # type: ignore[arg-type]
            (("shop", False), ("shop", True), ("outlet", False))]  # fmt: skip
    store.append([event("a1", 0), event("o1", MINUTE, site="outlet"), *left])
    receipt = store.erase_browsing("shop", "tablet", AT)
    assert (receipt.events, receipt.quarantined) == (1, 1)
    assert shown(store, "visitor:tablet") == {"o1": None}
    assert store.append([event("o2", 2 * MINUTE, site="outlet")]) == [Outcome.STORED]
    assert store.append([event("a2", 2 * MINUTE)]) == [Outcome.DROPPED]


def test_it_holds_when_an_older_backup_is_restored(store: SqliteStore, tmp_path: Path) -> None:
    store.append([event("a1", 0), login("a2", MINUTE, "A"), login("w1", 0, "B", visitor="w")])
    settle(store)
    backup, back = tmp_path / "backup.db", tmp_path / "back" / "footfall.db"
    store._conn.execute("VACUUM INTO ?", (str(backup),))
    store.erase_browsing("shop", "tablet", AT)
    back.parent.mkdir()
    yard = graveyard.read(f"{store.path}-tombstones")
    restore(str(backup), str(back), force=False, at=AT, on_progress=lambda done, total: None, tombstones=yard)
    with closing(SqliteStore.open(str(back))) as restored:
        settle(restored)
        assert shown(restored, "visitor:tablet") == {} and shown(restored, "B") == {"w1": "B"}
        assert restored.append([event("a1", 0)]) == [Outcome.DROPPED]


def test_words_that_only_this_browser_used_leave_with_the_next_sweep(store: SqliteStore, tmp_path: Path) -> None:
    url, mail = "https://shop.example/only-hers", "only@hers.example"
    theirs = {"visitor": "kiosk-0815"}
    told = [event("a1", 0, url=url, **theirs), login("a2", MINUTE, "A-4711", email=mail, **theirs)]
    store.append([*told, event("b1", 0, visitor="b")])
    store.erase_browsing("shop", "kiosk-0815", AT)
    store.sweep_aged(store.survey_aged())
    assert store.survey_aged() is None
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [mark for mark in (url, mail, "A-4711", "kiosk-0815") if mark.encode() in files] == []
    assert shown(store, "visitor:b") == {"b1": None}


# Over HTTP ----------------------------------------------------------------------------------------------------------


def ask(collector: Collector, visitor: str, origin: str | None = SHOP, key: str = "wk_shop") -> httpx.Response:
    headers = {"origin": origin} if origin else {}
    body = json.dumps({"writeKey": key, "anonymousId": visitor})
    return httpx.post(f"{collector.url}/v1/forget", content=body, headers=headers, timeout=20)


def call(n: int, visitor: str, allowed: bool = True, **fields: Any) -> dict[str, Any]:
    context = {"consent": {"categoryPreferences": {"Analytics": allowed}}}
    return {"type": "page", "messageId": f"{visitor}-{n}", "anonymousId": visitor, "context": context, **fields}


def test_after_a_withdrawal_a_page_has_it_erased_and_no_retry_brings_it_back(start: Start) -> None:
    collector = start(make_site(consent=ConsentMode.OPT_IN))
    mine = [call(n, "erase-me-4711", type="identify", traits={"name": "Only Hers"}) for n in range(3)]
    withdrawn = call(9, "erase-me-4711", False, type="track", event=CONSENT_CHANGED)
    for batch in (mine, [call(1, "another")], [withdrawn]):
        assert collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": batch}).status_code == 200
    answer = ask(collector, "erase-me-4711")
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == SHOP
    hash = answer.json()["receipt"]
    again = [*mine, call(4, "erase-me-4711")]
    assert collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": again}).status_code == 200
    assert collector.stored() == ["another-1"]
    assert collector.query("SELECT customer_hash, events FROM v_erasures") == [(hash, 3)]
    assert collector.query("SELECT kind, act, subject, hashed FROM audit") == [("visitor", "erased", hash, 1)]
    assert collector.query("SELECT visitor, refused, who_hash FROM v_consents") == [(None, '{"Analytics":false}', hash)]
    deadline_s = time.monotonic() + 20  # the journal is cut as soon as nobody reads there
    while (left := still_in_files(collector, b"Only Hers", b"erase-me-4711")) and time.monotonic() < deadline_s:
        time.sleep(0.1)
        collector.ask("/api/customers/visitor:another")  # what follows the log sees to the journal, too
    assert left == []


def still_in_files(collector: Collector, *marks: bytes) -> list[bytes]:
    files = b"".join(file.read_bytes() for file in collector.db.parent.glob(f"{collector.db.name}*"))
    return [mark for mark in marks if mark in files]


def test_nobody_learns_by_it_whether_a_visitor_is_known_and_no_other_page_may_ask(collector: Collector) -> None:
    collector.post("/v1/page", {"writeKey": "wk_shop", "anonymousId": "known-1", "messageId": "k1"})
    for stranger in (None, "null", "https://elsewhere.example", "https://shop.example.evil.example"):
        assert ask(collector, "known-1", stranger).status_code == 403
    assert ask(collector, "known-1", key="wk_none").status_code == 401
    assert ask(collector, "known-1", key="sk_shop").status_code == 401
    assert ask(collector, "").status_code == 400
    assert "k1" in collector.stored()
    known, unknown = ask(collector, "known-1"), ask(collector, "unknown-1")
    assert "k1" not in collector.stored()
    assert known.json().keys() == unknown.json().keys() == {"receipt"}
    assert ask(collector, "known-1").json() == known.json(), "the same each time: it is made of the id alone"
    tried = [ask(collector, "unknown-1").status_code for _ in range(PER_ADDRESS[0] + 1)]
    assert tried[-1] == 429 and 200 in tried
