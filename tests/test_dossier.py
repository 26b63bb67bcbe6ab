"""A dossier holds what there is to know of one customer; a story holds its events with the visits around them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from storyteller import MORNING, Shop

from collector.event import Campaign, IdentityMode, Setup, Trust
from collector.store import ActivityQuery
from collector.store.dossier import EVENTS_COUNTED_MAX, Dossier, Story
from collector.store.sqlite.connection import connect
from collector.store.sqlite.filing import Filing
from collector.store.sqlite.store import SqliteStore
from collector.store.sqlite.stories import Stories

FIREFOX = Setup(device="desktop", browser="Firefox", browser_version="153.0", os="Windows", os_version="11")
PHONE = Setup(device="mobile", browser="Safari", browser_version="19.1", os="iOS")
BOOTS = {"product_id": "B", "variant": "Boots", "price": 89.5, "currency": "EUR"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    one = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield one
    one.close()


@pytest.fixture
def shop(store: SqliteStore) -> Shop:
    return Shop(store)


def filed(shop: Shop, key: str = "A") -> Dossier:
    shop.settle()
    found = shop.store.dossier(key)
    assert found is not None, f"nobody is {key}"
    return found


def told(shop: Shop, key: str = "A", **query: object) -> Story:
    shop.settle()
    found = shop.store.story(key, ActivityQuery(**query))  # type: ignore[arg-type]
    assert found is not None, f"nobody is {key}"
    return found


def test_nobody_has_a_dossier_or_a_story(shop: Shop) -> None:
    for key in ("A", "email:a@x", "visitor:v", ""):
        assert shop.store.dossier(key) is None
        assert shop.store.story(key, ActivityQuery()) is None
        assert shop.store.event_names(key) == []
        assert shop.store.unlinked_at(key, "v") is None
        assert shop.store.undone_at(key, "email:a@x") is None


def test_ids_come_with_what_links_them(shop: Shop) -> None:
    shop.visitor(trust=Trust.SIGNED).identify("A")
    shop.visitor("w").signs_up("A", email="a@x")
    linking = shop.visitor("x", Trust.SIGNED).identify("A", email="b@x")
    shop.server.alias("old", "A")
    ids = filed(shop).ids
    assert [(each.key, each.strength, each.why) for each in ids] == [
        ("A", "server", None),
        ("old", "server", "alias"),
        ("email:a@x", "claimed", "signed_up"),
        ("email:b@x", "signed", "identify"),
    ]
    assert ids[3].time == linking.time
    evidence = told(shop, end=(ids[3].time or 0) + 1, limit=1).events[0]
    assert (evidence.seq, evidence.id) == (ids[3].evidence, linking.id)


def test_a_device_tells_what_it_is_when_it_was_seen_and_why_it_is_joined(shop: Shop) -> None:
    laptop, phone = shop.visitor("laptop"), shop.visitor("phone")
    first = laptop.page(setup=FIREFOX)
    log_in = laptop.signs_in("A", setup=FIREFOX)
    shop.next_visit()
    phone.signs_in("A", setup=PHONE, consent="Analytics")
    last = phone.track("Product Viewed", setup=PHONE, consent="Analytics,Marketing")
    shop.visitor("phone", Trust.SERVER).track("Product Updated", product_id="p")
    dossier = filed(shop)
    mobile, desktop = dossier.devices
    assert (desktop.visitor, desktop.browser, desktop.os, desktop.device) == (
        "laptop",
        "Firefox 153",
        "Windows 11",
        "desktop",
    )
    assert (desktop.first_seen, desktop.last_seen) == (first.time, log_in.time)
    (stay,) = desktop.stays
    assert (stay.from_time, stay.to_time, stay.why, stay.strength) == (first.time, None, "signed_in", "browser")
    assert stay.evidence_time == log_in.time
    assert mobile.browser == "Safari 19", "a call of the back end says nothing of the browser"
    assert dossier.consent is not None
    assert (dossier.consent.granted, dossier.consent.time) == (("Analytics", "Marketing"), last.time)
    assert (dossier.devices_count, desktop.others) == (2, 0)


def test_a_device_of_two_shows_to_each_only_their_own_time(shop: Shop) -> None:
    tablet = shop.visitor("tablet")
    tablet.signs_in("A")
    leaving = tablet.signs_out()
    shop.next_visit()
    tablet.signs_in("B")
    (device,) = filed(shop, "A").devices
    assert (device.last_seen, device.others, len(device.stays)) == (leaving.time, 1, 1)
    assert device.customers == ("A", "B")
    (seen_whole,) = filed(shop, "visitor:tablet").devices
    assert (len(seen_whole.stays), seen_whole.others) == (2, 0)


def test_a_device_that_was_taken_away_is_gone_and_said_so(shop: Shop) -> None:
    shop.visitor("keeps").signs_in("A")
    shop.visitor("goes").signs_in("A")
    shop.visitor("goes").track("Product Added", **BOOTS)
    assert filed(shop).cart.lines
    shop.unlinks("A", "goes")
    dossier = filed(shop)
    assert [device.visitor for device in dossier.devices] == ["keeps"]
    assert not dossier.cart.lines
    at = shop.store.unlinked_at("A", "goes")
    assert at is not None and MORNING < at < shop.now
    assert shop.store.unlinked_at("A", "keeps") is None


def test_an_id_that_was_taken_away_is_said_so(shop: Shop) -> None:
    shop.visitor().signs_up("A", email="a@x")
    shop.server.track("Email Opened", email="a@x")
    shop.undoes("A", "email:a@x")
    assert [each.key for each in filed(shop).ids] == ["A"]
    assert filed(shop, "email:a@x").key == "email:a@x"
    assert shop.store.undone_at("A", "email:a@x") is not None
    assert shop.store.undone_at("A", "email:b@x") is None


def test_the_cart_is_one_over_all_devices_and_an_order_empties_it(shop: Shop) -> None:
    laptop, phone = shop.visitor("laptop"), shop.visitor("phone")
    laptop.signs_in("A")
    phone.signs_in("A")
    laptop.track("Product Added", **BOOTS, quantity=2)
    last = phone.track("Product Removed", **BOOTS, quantity=1)
    cart = filed(shop).cart
    assert [(line.variant, line.quantity) for line in cart.lines] == [("Boots", "1")]
    assert cart.changed == last.time
    shop.server.order("1", user="A")
    assert not filed(shop).cart.lines


def test_trouble_is_told_newest_first_and_never_of_others(shop: Shop) -> None:
    v = shop.visitor()
    v.track("Coupon Denied", coupon_id="X")
    v.signs_in("A")
    for results in (0, 3):
        v.track("Products Searched", query="q", results=results)
    v.track("payment_failed")
    shop.visitor("w").track("Coupon Denied", coupon_id="Y")
    troubles = filed(shop).troubles
    assert [each.what for each in troubles] == ["Payment failed", "Search found nothing", "Coupon refused"]
    assert troubles[0].moment.name == "payment_failed"


def test_a_number_that_nobody_can_read_breaks_neither_cart_nor_trouble(shop: Shop) -> None:
    v = shop.visitor()
    v.signs_in("A")
    v.tells("track", "Product Added", properties='{"product_id":"p","price":1e99999999999999999999}')
    v.tells("track", "Products Searched", properties='{"results":-1e99999999999999999999}')
    v.track("Product Added", **BOOTS)
    assert [line.variant for line in filed(shop).cart.lines] == ["Boots"]


def test_orders_come_with_lines_newest_first(shop: Shop) -> None:
    shop.visitor().order("1", user="A", total="20.10", currency="EUR", products=[{"name": "Boots"}], coupon="MAY")
    shop.next_visit()
    shop.server.order("2", user="A", total="7", currency="SEK", affiliation="Lyon", sold_via="pos")
    shop.server.track("Order Refunded", order_id="2", amount="2")
    second, first = filed(shop).purchases
    assert (second.order_id, second.status, second.currency, second.refunded) == ("2", "partially_refunded", "SEK", "2")
    assert (second.confirmed, second.location, second.sold_via) == (True, "Lyon", "pos")
    assert (first.confirmed, first.total, first.coupons) == (False, "20.10", ("MAY",))
    assert first.lines[0].name == "Boots"
    assert [(each.currency, each.net) for each in filed(shop).money] == [("EUR", "20.10"), ("SEK", "5")]


def test_what_staff_wrote_is_told_apart_from_what_a_browser_says_it_is(shop: Shop) -> None:
    shop.visitor().signs_in("A")
    shop.visitor().track("Note Added", text="forged")
    note = shop.server.track("Note Added", text="real", user="A", staff=True)
    on_device = shop.visitor("v", Trust.SERVER).track("Contact Logged", text="also real", staff=True)
    dossier = filed(shop)
    assert [moment.time for moment in dossier.remarks] == [on_device.time, note.time]
    story = told(shop)
    assert {event.id for event in story.events if event.seq in story.staff} == {note.id, on_device.id}


def test_unsigned_claims_are_found_without_looking_at_the_whole_log(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "signed.db"))
    shop = Shop(store, identity=IdentityMode.SIGNED)
    shop.server.identify("A", email="a@x")
    first = shop.visitor("v", Trust.CLAIMED).identify("A")
    second = shop.visitor("w", Trust.CLAIMED).identify(email="a@x")
    shop.visitor("x", Trust.CLAIMED).identify("B")
    claimed = filed(shop).claimed
    assert [(each.visitor, each.evidence) for each in claimed] == [("w", second.id), ("v", first.id)]
    assert filed(shop).devices == ()
    store.close()


def test_a_story_tells_each_visit_with_its_source(shop: Shop) -> None:
    v = shop.visitor()
    landing = {
        "url": "https://shop.example/?a",
        "title": "Shop",
        "referrer": "https://search.example/",
        "channel": "search",
    }
    first = v.page(**landing)
    v.page(url="https://shop.example/b", referrer="https://shop.example/", channel="internal")
    v.signs_in("A")
    shop.next_visit()
    second = v.page(campaign=Campaign(source="news", medium="email", name="may"), channel="email")
    shop.server.track("Email Opened", user="A")
    story = told(shop)
    assert set(story.visits) == {first.id, second.id}
    came = story.visits[first.id]
    assert (came.channel, came.referrer, came.url, came.title) == (
        "search",
        landing["referrer"],
        landing["url"],
        "Shop",
    )
    assert (came.events, came.first_time, came.visitor) == (3, first.time, "v")
    assert story.visits[second.id].campaign == {"source": "news", "medium": "email", "name": "may"}
    assert story.events[0].visit is None


def test_a_story_is_narrowed_by_event_device_and_time(shop: Shop) -> None:
    one, other = shop.visitor("one"), shop.visitor("other")
    one.signs_in("A")
    other.signs_in("A")
    kept = one.track("Product Viewed")
    other.track("Product Viewed")
    late = one.track("Product Viewed")
    story = told(shop, event="Product Viewed", visitor="one", end=late.time)
    assert [event.id for event in story.events] == [kept.id]
    assert told(shop, visitor="nobody's").events == []
    assert shop.store.event_names("A") == ["Product Viewed", "Signed In"]


def test_a_story_pages_through_devices_without_missing_or_repeating(shop: Shop) -> None:
    for n in range(60):
        teller = shop.visitor(f"v{n % 7}")
        teller.signs_in("A") if n < 7 else teller.track("Product Viewed", time=shop.now - n % 3 * 1_000)
    whole = [event.id for event in told(shop, limit=100).events]
    for event in (None, "Product Viewed"):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = told(shop, limit=7, cursor=cursor, event=event)
            seen += [each.id for each in page.events]
            cursor = page.next
            if cursor is None:
                break
        wanted = whole if event is None else [each.id for each in told(shop, limit=100, event=event).events]
        assert seen == wanted
    assert len(whole) == 60


def test_a_search_for_what_is_rare_among_very_many_goes_on_where_it_ended(shop: Shop, store: SqliteStore) -> None:
    v = shop.visitor()
    v.signs_in("A")
    rare = [v.event("track", "Coupon Denied") for _ in range(600)]
    often = [v.event("track", "Product Viewed") for _ in range(56_540)]
    store.append(rare + often)
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = told(shop, event="Coupon Denied", cursor=cursor, limit=100)
        pages.append([event.id for event in page.events])
        cursor = page.next
        if cursor is None:
            break
    assert [id for page in pages for id in page] == [event.id for event in reversed(rare)]
    assert 0 < len(pages[0]) < 100, "the first look ended among them"
    dossier = filed(shop)
    assert dossier.events == EVENTS_COUNTED_MAX + 1
    assert dossier.troubles == (), "the newest events alone are looked through"


def test_a_visitor_is_told_of_in_the_same_words(shop: Shop) -> None:
    v = shop.visitor()
    first = v.page(setup=FIREFOX, consent="Analytics")
    v.track("Product Added", **BOOTS)
    last = v.track("Coupon Denied")
    dossier = filed(shop, "visitor:v")
    assert (dossier.key, dossier.kind, dossier.ids, dossier.events) == ("visitor:v", "visitor", (), 3)
    assert (dossier.first_seen, dossier.last_seen) == (first.time, last.time)
    assert [device.browser for device in dossier.devices] == ["Firefox 153"]
    assert dossier.devices[0].customers == ()
    assert (len(dossier.cart.lines), len(dossier.troubles)) == (1, 1)
    v.signs_in("A")
    assert filed(shop, "visitor:v").devices[0].customers == ("A",)


def test_no_question_of_the_page_reads_a_whole_table(shop: Shop, store: SqliteStore) -> None:
    """Whatever SQLite has to go through one by one is a list that was handed to it, or a handful of names."""
    v = shop.visitor()
    v.signs_up("A", email="a@x")
    v.order("1", user="A", total="5", currency="EUR")
    v.track("Coupon Denied")
    shop.server.track("Note Added", user="A", staff=True)
    shop.settle()
    conn = connect(store.path, create=False, read_only=True)
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    for key in ("A", "visitor:v"):
        Filing(conn).dossier(key)
        for query in (ActivityQuery(), ActivityQuery(event="Coupon Denied", visitor="v"), ActivityQuery(end=1)):
            Stories(conn).story(key, query)
        Stories(conn).event_names(key)
        Filing(conn).unlinked_at(key, "v")
    conn.set_trace_callback(None)
    assert len(asked) > 40
    handed = re.compile(r"^SCAN (json_each|known VIRTUAL TABLE|sought|claimed|CONSTANT ROW|\(subquery|names\b)")
    for sql in asked:
        for *_, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}"):
            assert not step.startswith("SCAN") or handed.match(step), f"{step}: {sql}"
            # All that back ends ever said of orders is of one subject.
            assert "order_calls" not in sql or "events_timeline" not in step, f"{step}: {sql}"
    conn.close()


def test_old_files_get_the_new_indexes(store: SqliteStore) -> None:
    conn = sqlite3.connect(store.path)
    indexes = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    conn.close()
    assert {"events_timeline", "events_staff", "events_claimed_user", "orders_number", "customers_name"} <= indexes
