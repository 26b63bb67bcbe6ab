"""What any store must do, whatever it keeps its rows in: one suite, run over each. Whose events are is told elsewhere.

A new store adds one line to STORES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storyteller import MORNING, Shop

from collector.errors import Misuse, NotFound
from collector.event import Campaign, ConsentMode, Dropped, Event, IdentityMode, Reason, Setup, Trust
from collector.store import (
    SORTS,
    ActivityPage,
    ActivityQuery,
    Left,
    Outcome,
    Quarantined,
    Store,
    Token,
)
from collector.store.sqlite.store import SqliteStore

STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SqliteStore.open(str(folder / "footfall.db")),
}


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same store again, as a later process would; all are closed at the end."""
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(STORES[request.param](tmp_path))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


def page_of(store: Store, key: str, **query: Any) -> ActivityPage:
    found = store.activity(key, ActivityQuery(**query))
    assert found is not None
    return found


def ids(page: ActivityPage) -> list[str]:
    return [event.id for event in page.events]


def refusal(**fields: Any) -> Quarantined:
    return Quarantined(
        **{
            "site": "shop",
            "server": False,
            "received": MORNING,
            "reason": Reason.MALFORMED,
            "detail": "no",
            "raw": b"{}",
        }
        | fields
    )


# Append ------------------------------------------------------------------------------------------------------------


def test_append_says_of_each_entry_what_became_of_it_in_order(shop: Shop) -> None:
    v = shop.visitor()
    one, two = v.event("page"), v.event("page")
    entries = [one, refusal(), two, one, Left(site="shop", why=Dropped.CONSENT, received=MORNING)]
    assert shop.store.append(entries) == [
        Outcome.STORED,
        Outcome.QUARANTINED,
        Outcome.STORED,
        Outcome.DUPLICATE,
        Outcome.DROPPED,
    ]
    assert shop.store.append([]) == []


def test_a_message_id_counts_once_for_each_site_and_kind_of_key(shop: Shop) -> None:
    near = shop.front("near")
    v = shop.visitor()
    first = v.event("page", id="x", title="first")
    again = v.event("page", id="x", title="second")
    signed = v.event("page", id="x", trust=Trust.SIGNED)
    server = v.event("page", id="x", trust=Trust.SERVER)
    elsewhere = shop.visitor(at=near).event("page", id="x")
    assert shop.store.append([first, again]) == [Outcome.STORED, Outcome.DUPLICATE]
    assert shop.store.append([again, signed]) == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert shop.store.append([server, elsewhere]) == [Outcome.STORED, Outcome.STORED]
    assert sorted(event.title for event in shop.activity("visitor:v")) == ["", "", "first"]


@pytest.mark.parametrize(
    "one, other",
    [
        ("0b1f5a2e-7c1d-4f5e-9a8b-1234567890ab", "0B1F5A2E-7C1D-4F5E-9A8B-1234567890AB"),
        ("0b1f5a2e-7c1d-4f5e-9a8b-1234567890ab", "0b1f5a2e7c1d4f5e9a8b1234567890ab"),
        ("1", "01"),
        ("a", "A"),
        ("a", "a "),
        ("é", "e\u0301"),
    ],
)
def test_message_ids_and_visitors_are_kept_as_they_came(shop: Shop, one: str, other: str) -> None:
    shop.store.append([shop.visitor(name).event("page", id=name) for name in (one, other)])
    shop.settle()
    for name in (one, other):
        [event] = shop.activity(f"visitor:{name}")
        assert (event.id, event.visitor) == (name, name)


def test_what_was_appended_is_there_for_the_next_process(
    open_store: Callable[[], Store],
) -> None:
    first = Shop(open_store())
    event = first.visitor().identify("A", name="Ann")
    later = open_store()
    assert later.append([event]) == [Outcome.DUPLICATE]
    while later.follow():
        pass
    assert ids(page_of(later, "A")) == [event.id]


def test_an_event_is_read_as_it_was_stored(shop: Shop) -> None:
    stored = shop.visitor("é/v").event(
        "page", "Shoes", url="https://shop.example/a?b=c", title="T", referrer="https://g.example/", channel="search",
        campaign=Campaign(source="g", term="shoe"), setup=Setup(browser="Firefox"), network="192.0.2.0", price="1.10",
        context='{"a":1}', consent="Analytics",
    )  # fmt: skip
    shop.store.append([stored])
    [read] = shop.activity("visitor:é/v")
    for field in ("id", "type", "name", "time", "received", "site", "visitor", "url", "title", "referrer", "channel"):
        assert getattr(read, field) == getattr(stored, field)
    assert read.campaign == {"source": "g", "term": "shoe"}
    assert read.properties == stored.properties
    assert (read.customer, read.why, read.visit) == (None, None, stored.id)


def test_nothing_of_a_group_is_kept_where_one_entry_cannot_be(shop: Shop) -> None:
    good = shop.visitor().event("page")
    stranger = shop.visitor().event("page", site="nowhere")
    with pytest.raises(LookupError):
        shop.store.append([good, refusal(), stranger])
    shop.settle()
    assert shop.store.activity("visitor:v", ActivityQuery()) is None
    assert shop.store.quarantined(0, 10) == []
    assert shop.store.append([good]) == [Outcome.STORED]


def test_follow_goes_on_by_portions_and_says_when_there_is_no_more(shop: Shop) -> None:
    v = shop.visitor()
    shop.store.append([v.event("page") for _ in range(5)] + [v.event("identify", user="A")])
    assert shop.store.stats()["backlog"] == 6
    assert shop.store.follow(4)
    assert shop.store.stats()["backlog"] == 2
    assert not shop.store.follow(4)
    assert not shop.store.follow(4)
    assert shop.store.stats()["backlog"] == 0
    assert len(shop.activity("A")) == 6


def test_rebuild_reads_all_and_leaves_everything_as_it_was(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.identify("A", email="a@x", name="Ann")
    v.order("1", total="5", currency="EUR")
    before = (shop.profile("A"), shop.activity("A"), shop.customers())
    assert shop.store.rebuild() == 3
    assert (shop.profile("A"), shop.activity("A"), shop.customers()) == before


# Quarantine --------------------------------------------------------------------------------------------------------


def test_refused_calls_are_read_in_order_page_by_page_and_released(shop: Shop) -> None:
    refused = [refusal(detail=f"{n}", raw=b"\xff%d" % n, arrival={"n": n, "é": None}) for n in range(5)]
    shop.store.append(refused)
    first = shop.store.quarantined(0, 3)
    rest = shop.store.quarantined(first[-1].id, 3)
    kept = [*first, *rest]
    assert [(each.detail, each.raw, each.arrival) for each in kept] == [(r.detail, r.raw, r.arrival) for r in refused]
    assert len({each.id for each in kept}) == 5
    shop.store.release([kept[0].id, kept[3].id, 10**9])
    assert [each.detail for each in shop.store.quarantined(0, 10)] == ["1", "2", "4"]
    assert shop.store.stats()["quarantined"] == 3


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_kept(shop: Shop, reason: Reason) -> None:
    shop.store.append([refusal(reason=reason, server=True)])
    [kept] = shop.store.quarantined(0, 10)
    assert (kept.reason, kept.server, kept.site) == (reason, True, "shop")


def test_refused_calls_may_come_twice(shop: Shop) -> None:
    assert shop.store.append([refusal(), refusal()]) == [Outcome.QUARANTINED] * 2
    assert len(shop.store.quarantined(0, 10)) == 2


@pytest.mark.parametrize("why", list(Dropped))
def test_of_what_policy_drops_nothing_is_read(shop: Shop, why: Dropped) -> None:
    left = Left(site="shop", why=why, received=MORNING, user_agent="bot", url="https://shop.example/")
    assert shop.store.append([left, left]) == [Outcome.DROPPED] * 2
    assert shop.store.quarantined(0, 10) == []
    assert shop.customers() == set()


# Sites and tokens --------------------------------------------------------------------------------------------------


def test_sites_come_back_whole_in_the_order_in_which_they_were_added(store: Store) -> None:
    sites = [
        make_site("z", consent=ConsentMode.COOKIELESS, identity=IdentityMode.SIGNED, timezone="Europe/Paris", ids="S"),
        make_site("a", origins=("https://a.example", "http://localhost")),
    ]
    for site in sites:
        store.put_site(site)
    assert store.sites() == sites


def test_a_site_is_changed_by_its_name_and_keeps_its_events_when_removed_and_added_again(shop: Shop) -> None:
    event = shop.visitor().identify("A")
    shop.store.put_site(make_site(timezone="Asia/Tokyo"))
    assert [site.timezone for site in shop.store.sites()] == ["Asia/Tokyo"]
    shop.store.remove_site("shop", MORNING)
    assert shop.store.sites() == []
    assert [each.site for each in shop.activity("A")] == ["shop"]
    shop.store.put_site(make_site())
    assert shop.store.append([event]) == [Outcome.DUPLICATE]


def test_a_site_that_is_not_there_cannot_be_removed(shop: Shop) -> None:
    shop.store.remove_site("shop", MORNING)
    for name in ("shop", "nowhere"):
        with pytest.raises(NotFound):
            shop.store.remove_site(name, MORNING)


def test_tokens_are_listed_revoked_and_never_named_twice(store: Store) -> None:
    one = Token(name="desk", hash="h1", scopes=("read",), created=1)
    other = Token(name="analyst", hash="h2", scopes=("read", "export"), created=2)
    for token in (one, other):
        store.put_token(token)
    assert store.tokens() == [one, other]
    store.revoke_token("desk", 5)
    assert [token.revoked for token in store.tokens()] == [5, None]
    for name, told in (("desk", "the token desk is revoked already"), ("nobody", "there is no token nobody")):
        with pytest.raises(NotFound, match=told):
            store.revoke_token(name, 6)
    with pytest.raises(Misuse):
        store.put_token(Token(name="desk", hash="h3", scopes=("read",), created=7))


# What staff say ----------------------------------------------------------------------------------------------------


def test_staff_are_told_where_there_is_nothing_to_take_apart(shop: Shop) -> None:
    shop.visitor("v").identify("A", email="a@x")
    shop.visitor("w").page()
    shop.settle()
    for key, visitor in (("A", "w"), ("A", "nowhere"), ("B", "v"), ("visitor:v", "v")):
        with pytest.raises(NotFound):
            shop.store.unlink(key, visitor, MORNING)
    for key, id in (("A", "A2"), ("A", "email:b@x"), ("B", "email:a@x"), ("A", "visitor:v")):
        with pytest.raises(NotFound):
            shop.store.undo_link(key, id, MORNING)
    with pytest.raises(NotFound):
        shop.store.erase("B", MORNING)


def test_staff_speak_of_what_has_been_acknowledged_also_when_nobody_has_followed_yet(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A", email="a@x")
    shop.store.unlink("A", "v", shop.now)
    v.identify("A", email="a@x")
    shop.store.undo_link("A", "email:a@x", shop.now)
    assert v.whose == "- A"
    assert shop.ids("A") == "A browser"


# Look-ups ----------------------------------------------------------------------------------------------------------


def test_nobody_is_none_and_not_an_empty_page(shop: Shop) -> None:
    for key in ("A", "user:A", "email:a@x", "visitor:v", "", ":", "user@:x"):
        assert shop.store.profile(key) is None
        assert shop.store.activity(key, ActivityQuery()) is None


@pytest.mark.parametrize(
    "user, key",
    [("42", "42"), ("email:x@x", "user:email:x@x"), ("a/b c%é", "a/b c%é"), ("visitor:v", "user:visitor:v")],
)
def test_a_key_is_answered_by_each_of_its_spellings(shop: Shop, user: str, key: str) -> None:
    shop.server.identify(user, email="jane@x")
    for asked in (key, f"user:{user}", "email:jane@x", "email: JANE@X "):
        assert shop.profile(asked).key == key
        assert shop.timeline(asked) == "identify"


def test_activity_is_newest_first_by_time_and_then_message_id(shop: Shop) -> None:
    v, now = shop.visitor(), shop.now
    v.identify("A", id="m", time=now)
    for id, time in (("b", now), ("z", now - 1), ("a", now + 1), ("c", now)):
        v.page(id=id, time=time)
    shop.settle()
    assert ids(page_of(shop.store, "A")) == ["a", "m", "c", "b", "z"]
    assert ids(page_of(shop.store, "visitor:v")) == ["a", "m", "c", "b", "z"]


def test_filters_take_names_types_and_half_open_times(shop: Shop) -> None:
    v = shop.visitor()
    events = [v.identify("A"), v.page(), v.page(name="Shoes"), v.track("page"), v.track("Quiz Taken")]
    shop.settle()

    def found(**query: Any) -> list[int]:
        return [
            next(n for n, event in enumerate(events) if event.id == id) for id in ids(page_of(shop.store, "A", **query))
        ]

    assert found() == [4, 3, 2, 1, 0]
    assert found(event="Quiz Taken") == [4]
    assert found(event="page") == [3, 2, 1]
    assert found(event="identify") == [0]
    assert found(event="track") == []
    assert found(event="Shoes") == [2]
    assert found(event="none") == []
    assert found(start=events[2].time) == [4, 3, 2]
    assert found(end=events[2].time) == [1, 0]
    assert found(start=events[1].time, end=events[3].time, event="page") == [2, 1]
    assert found(start=events[4].time + 1) == []


def test_a_cursor_of_another_world_is_misuse(shop: Shop) -> None:
    shop.visitor().identify("A")
    shop.settle()
    for cursor in ("", "x", "00", "5b5d", "7b7d", "é"):
        with pytest.raises(Misuse):
            shop.store.activity("A", ActivityQuery(cursor=cursor))
    for cursor in ("x", "00", "5b5d"):
        with pytest.raises(Misuse):
            shop.store.customers("", "last_seen", cursor, 10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    limit=st.integers(1, 5),
    between=st.lists(st.integers(0, 9), max_size=4),
    filtered=st.booleans(),
)
def test_paging_neither_misses_nor_repeats_while_events_arrive(
    store: Store, times: list[int], limit: int, between: list[int], filtered: bool
) -> None:
    if not store.sites():
        store.put_site(make_site())
    start = store.stats()["events_last"]
    name = f"v{start}"

    def arrives(n: int, at: int) -> Event:
        return Event(
            site="shop", id=f"{start}-{n}", trust=Trust.BROWSER, type="page", name="Shoes" if n % 2 else "", time=at,
            received=100, visitor=name, user=f"u{start}" if n == 0 else None,
        )  # fmt: skip

    first = [arrives(n, at) for n, at in enumerate(times)]
    store.append(first)
    while store.follow():
        pass
    wanted = {event.id for event in first if not filtered or event.name == "Shoes"}
    seen: list[str] = []
    late = iter(between)
    cursor: str | None = None
    for n in range(100):
        page = page_of(
            store,
            (f"u{start}", f"visitor:{name}")[limit % 2],
            limit=limit,
            cursor=cursor,
            event="Shoes" if filtered else None,
        )
        assert len(page.events) <= limit
        seen += ids(page)
        cursor = page.next
        if cursor is None:
            break
        if (at := next(late, None)) is not None:
            store.append([arrives(len(times) + n, at)])
            while store.follow():
                pass
    assert len(seen) == len(set(seen))
    assert wanted <= set(seen)
    assert cursor is None


# The list ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """Three customers: Ann (2 orders), Bea (1), and Cleo, who was seen last."""
    for user, email, name, phone, orders in (
        ("1", "ann@x", "Ann Ö_Neill", "+33 1", ("A-1", "A-2")),
        ("2", "bea@x", "Bea 100%", "+33 2", ("B-1",)),
        ("3", "cleo@y", "Cleo", "", ()),
    ):
        v = shop.visitor(f"v{user}")
        v.identify(user, email=email, name=name, phone=phone)
        for order_id in orders:
            v.order(order_id, user=user, total="5", currency="EUR")
        shop.next_visit()
    return shop


def listed(shop: Shop, q: str = "", sort: str = "last_seen") -> list[str]:
    shop.settle()
    return [row.key for row in shop.store.customers(q, sort, None, 100).customers]


@pytest.mark.parametrize(
    "q, wanted",
    [
        ("", "321"),
        ("ann", "1"),
        ("ANN", "1"),
        ("  ann ", "1"),
        ("neill", "1"),
        ("@x", "21"),
        ("cleo@y", "3"),
        ("+33", "21"),
        ("2", "2"),
        ("A-2", "1"),
        ("100%", "2"),
        ("%", "2"),
        ("_", "1"),
        ("\\", ""),
        ("'; DROP TABLE events --", ""),
        ("nobody", ""),
    ],
)
def test_search_finds_by_name_address_phone_user_id_and_order_number(crowd: Shop, q: str, wanted: str) -> None:
    assert set(listed(crowd, q)) >= set(wanted)
    if q != "2":
        assert listed(crowd, q) == list(wanted)


@pytest.mark.parametrize(
    "sort, wanted", [("last_seen", "321"), ("first_seen", "321"), ("name", "123"), ("orders", "123")]
)
def test_the_list_is_sorted(crowd: Shop, sort: str, wanted: str) -> None:
    assert listed(crowd, sort=sort) == list(wanted)


def test_what_is_no_sort_is_misuse(crowd: Shop) -> None:
    with pytest.raises(Misuse):
        crowd.store.customers("", "; --", None, 10)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("q", ["", "@"])
def test_the_list_pages_without_missing_or_repeating_also_through_ties(shop: Shop, sort: str, q: str) -> None:
    shop.store.append(
        [shop.server.event("identify", user=f"{n}", email=f"{n}@x", time=MORNING, received=MORNING) for n in range(7)]
    )
    shop.settle()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = shop.store.customers(q, sort, cursor, 2)
        seen += [row.key for row in page.customers]
        cursor = page.next
        if cursor is None:
            break
    assert sorted(seen) == [f"{n}" for n in range(7)]


def test_a_line_of_the_list_agrees_with_the_profile(crowd: Shop) -> None:
    crowd.settle()
    for row in crowd.store.customers("", "name", None, 10).customers:
        profile = crowd.profile(row.key)
        assert (row.kind, row.first_seen, row.last_seen) == (profile.kind, profile.first_seen, profile.last_seen)
        assert (row.orders, row.money) == (profile.orders, profile.money)
        assert row.name == profile.traits["name"]
        assert row.email == profile.traits["email"]


# Profiles ----------------------------------------------------------------------------------------------------------


def test_a_profile_counts_what_its_timeline_shows(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.page()
    v.identify("A")
    w.signs_in("A")
    w.signs_out()
    w.page()
    shop.server.track("Note Added", user="A", staff=True)
    profile = shop.profile("A")
    assert profile.events == len(shop.activity("A")) == 5
    assert [joined.visitor for joined in profile.visitors] == ["v", "w"]
    assert shop.profile("visitor:w").events == 3


def test_a_customer_was_seen_when_its_own_events_say_so_in_whatever_order_they_came(shop: Shop) -> None:
    v = shop.visitor()
    first = v.page()
    v.identify("A")
    shop.next_visit()
    v.identify("B")
    assert shop.profile("A").last_seen == first.time + 1_000
    late = v.page(time=first.time + 60_000)
    early = v.page(time=first.time - 60_000)
    assert (shop.profile("A").first_seen, shop.profile("A").last_seen) == (early.time, late.time)


def test_traits_stronger_wins_then_latest(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A", name="browser", city="Lyon", plan="b")
    shop.server.identify("A", name="server")
    v.identify("A", name="later", city="Paris")
    v.identify("A", city="old", time=MORNING - 1)
    assert shop.profile("A").traits == {"name": "server", "city": "Paris", "plan": "b"}


def test_what_the_back_end_tells_of_an_order_proves_the_address_in_whatever_order_it_comes(shop: Shop) -> None:
    v = shop.visitor(trust=Trust.SERVER)
    page = v.event("page", order_id="1")
    shop.visitor("w", trust=Trust.SERVER).track("Order Updated", order_id="1", email="a@x")
    assert shop.ids("email:a@x") == "a@x browser"
    shop.store.append([page])
    assert v.whose == "email:a@x"
    assert shop.ids("email:a@x") == "a@x server"


def test_a_log_out_or_an_order_that_also_gives_an_address_proves_no_id(shop: Shop) -> None:
    shop.visitor("v").identify("A")
    shop.visitor("w").identify(email="a@x")
    assert (shop.ids("A"), shop.ids("email:a@x")) == ("A browser", "a@x browser")
    w = shop.visitor("other", trust=Trust.SERVER)
    w.signs_out(user="A")
    w.order("1", user="B", email="a@x")
    assert (shop.ids("A"), shop.ids("email:a@x")) == ("A browser", "a@x browser")
    assert shop.customers() == {"A", "B", "email:a@x"}
