"""The room Customer: one person's story, what staff do there, and whatever a hostile shop or visitor puts into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import make_site
from console import HOST, Clock, Console, a_console, words
from shop import HOSTILE
from storyteller import MORNING, Shop

from collector.event import DAY_MS, MINUTE_MS, Campaign, IdentityMode, Setup, Trust
from collector.store import ExportQuery
from collector.store.sqlite.store import SqliteStore

ROOM = "/console/customers"
BOOTS = {"product_id": "B", "variant": "Boots", "price": 89.5, "currency": "EUR"}
FIREFOX = Setup(device="desktop", browser="Firefox", browser_version="153.0", os="Windows", os_version="11")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(SqliteStore.open(str(tmp_path / "footfall.db")))


@pytest.fixture
def console(tmp_path: Path, shop: Shop) -> Iterator[Console]:
    assert isinstance(shop.store, SqliteStore)
    with a_console(tmp_path, shop.store, clock=Clock()) as one:
        yield one


def open_page(console: Console, shop: Shop, key: str = "A", /, status: int = 200, **query: str) -> BeautifulSoup:
    """The page an hour after the last call."""
    shop.settle()
    console.clock.ms = shop.now + 60 * MINUTE_MS
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return console.page(f"{ROOM}/{quote(key, safe='')}?{asked}", status)


def section(page: BeautifulSoup, id: str) -> Tag:
    found = page.select_one(f"section[aria-labelledby={id}]")
    assert found is not None, f"the page has no section {id}"
    return found


def steps(page: BeautifulSoup) -> list[str]:
    return [words(summary) for summary in page.select(".timeline summary")]


def test_the_story_stands_on_one_page(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page(
        title="Boots",
        url="https://shop.example/boots",
        setup=FIREFOX,
        channel="search",
        referrer="https://www.search.example/",
    )
    v.track("Products Searched", query="red boots", results=0)
    v.signs_up("A", email="a@x")
    v.identify("A", email="a@x", name="Ann Other", phone="+49 170 1", city="Ulm")
    v.order("1001", user="A", total="20.00", currency="EUR", products=[{"name": "Laces", "quantity": 2, "price": 10}])
    shop.server.track("Order Refunded", order_id="1001", amount="5")
    v.track("Product Added", **BOOTS, quantity=2)
    page = open_page(console, shop)
    assert words(page.h1) == "Ann Other"
    assert "20.00" in words(section(page, "orders")) and "unconfirmed" not in words(section(page, "orders"))
    assert "Laces" in words(section(page, "orders")) and "refunded 5.00" in words(section(page, "orders"))
    assert "179.00" in words(section(page, "cart")) and "Left 1 hour ago" in words(section(page, "cart"))
    assert "Search found nothing" in words(section(page, "trouble")) and "red boots" in words(section(page, "trouble"))
    assert "Order refunded" in words(section(page, "trouble"))
    who = words(section(page, "who"))
    assert "a@x" in who and "claimed by a browser" in who and "given together when the account was made" in who
    assert "Firefox 153 on Windows 11" in words(section(page, "devices"))
    assert "this customer made the account there, told by a browser" in words(section(page, "devices"))
    assert "Ulm" in words(section(page, "traits"))
    visit = words(page.select_one(".customer-visit:last-of-type"))
    assert "From a search ( search.example )" in visit and "Searched for “red boots” and found nothing" in visit


def test_of_a_customer_with_nothing_each_part_says_so(console: Console, shop: Shop) -> None:
    shop.server.identify("A")
    page = open_page(console, shop)
    for id, said in (
        ("cart", "Nothing was put into a cart"),
        ("trouble", "None seen"),
        ("orders", "No order yet"),
        ("devices", "No browser of theirs is known"),
        ("traits", "No call has told any"),
    ):
        assert said in words(section(page, id))
    assert words(page.h1) == "A"


@pytest.mark.parametrize("key", ["nobody", "email:no@x", "visitor:none", "user:", "..%2F..%2Fetc"])
def test_nobody_has_no_page(console: Console, key: str) -> None:
    assert "no such customer" in words(console.page(f"{ROOM}/{key}", status=404).main).lower()


def test_who_was_erased_has_no_page(console: Console, shop: Shop) -> None:
    shop.visitor().signs_up("A", email="a@x")
    assert open_page(console, shop)
    shop.store.erase("A", shop.passes(minutes=1))
    for key in ("A", "email:a@x", "visitor:v"):
        assert open_page(console, shop, key, status=404)


@pytest.mark.parametrize("former", ["email:a@x", "user:A", "old"])
def test_a_former_key_leads_to_the_present_one(console: Console, shop: Shop, former: str) -> None:
    shop.visitor().signs_up("A", email="a@x")
    shop.server.alias("old", "A")
    console.clock.ms = shop.now
    answer = console.client.get(f"{ROOM}/{quote(former, safe='')}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ROOM}/A")


@pytest.mark.parametrize(
    "key", ["a/b%2Fc%", "100%", "../..", "?q=1#x", "unlink", "ä ö/ü", "user:email:x", "a&b='\"<>", "a;b"]
)
def test_any_key_can_be_opened_written_to_and_linked(console: Console, shop: Shop, key: str) -> None:
    user = key.removeprefix("user:")
    shop.visitor("v/w").identify(user, name="Any")
    page = open_page(console, shop, key)
    assert words(page.h1) == "Any"
    link = console.page(ROOM).select_one("table.customers tbody th a")
    assert link is not None and words(console.page(str(link["href"])).h1) == "Any"
    kept = console.submit(page.select_one("section[aria-labelledby=write] form"), text="Written")
    assert "Written" in words(section(kept, "write"))
    device = kept.select_one("section[aria-labelledby=devices] a.danger")
    assert device is not None
    asked = console.page(str(device["href"]))
    done = console.submit(asked.select_one("main form.actions"))
    assert "taken away" in words(done.select_one("#said"))


def test_hostile_text_is_only_text_wherever_it_is_shown(console: Console, shop: Shop) -> None:
    evil = "<img src=x onerror=alert(1)>\"'</script><script>alert(1)</script>{{7*7}}" + HOSTILE
    v = shop.visitor("v" + evil)
    v.page(
        title=evil, url="javascript:alert(1)//" + evil, referrer="data:text/html," + evil, channel=evil,
        setup=Setup(device=evil, browser=evil, browser_version=evil, os=evil, os_version=evil, locale=evil),
        campaign=Campaign(source=evil, medium=evil, name=evil), consent=evil,
    )  # fmt: skip
    v.identify("A" + evil, email='a"<b>@x', name=evil, **{"phone": evil, evil: evil, "nested": {evil: [evil]}})
    v.signs_out()
    v.signs_in("other" + evil)
    v.signs_out()
    v.signs_in("A" + evil)
    v.track(evil, **{evil: evil})
    v.track("payment_failed " + evil, reason=evil)
    v.track("Products Searched", query=evil, results=0)
    v.track("Product Added", product_id=evil, variant=evil, price=1, currency=evil, quantity=3)
    v.order(
        evil,
        user="A" + evil,
        total="1",
        currency=evil,
        coupon=evil,
        products=[{"name": evil}],
        sold_via=evil,
        affiliation=evil,
    )
    v.track("Product Added", product_id=evil, variant=evil, price=1, currency=evil)
    shop.server.track("Note Added", user="A" + evil, staff=True, text=evil, channel=evil, due=evil)
    key = "A" + evil
    for page in (
        open_page(console, shop, key),
        open_page(console, shop, key, event=evil, device=evil),
        open_page(console, shop, key, done="unlinked", visitor=evil),
        open_page(console, shop, "visitor:v" + evil),
        console.page(f"{ROOM}/{quote(key, safe='')}/unlink?visitor={quote('v' + evil)}"),
        console.page(f"{ROOM}/{quote(key, safe='')}/undo-link?id=email:a%22%3Cb%3E@x"),
    ):
        assert not page.select("img, main script, b, [style], [onerror]")
        assert "{{7*7}}" in page.text and "49" not in words(page.h1)
        for link in page.select("a[href]"):
            assert re.match(r"(/|#|https?://)", str(link["href"])), link["href"]
        for element in page.find_all(True):
            assert not [name for name in element.attrs if name.startswith("on")]


def test_only_plain_web_addresses_become_links(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page(title="good", url="https://shop.example/x")
    v.signs_in("A")
    shop.next_visit()
    v.page(title="bad", url="javascript:alert(1)")
    page = open_page(console, shop)
    outside = [link for link in page.select("main a") if not str(link["href"]).startswith(("/", "#"))]
    assert {str(link["href"]) for link in outside} == {"https://shop.example/x"}
    assert all({"noopener", "noreferrer", "nofollow"} <= set(link["rel"]) for link in outside)


# Evidence, and taking it back --------------------------------------------------------------------------------------


def test_the_evidence_of_a_device_leads_to_its_event(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    log_in = v.signs_in("A")
    for _ in range(3):
        v.track("Product Viewed")
    link = section(open_page(console, shop), "devices").find("a", string="the call")
    assert isinstance(link, Tag)
    address, _, anchor = str(link["href"]).partition("#")
    there = console.page(address)
    first = there.select_one(".timeline > li")
    assert first is not None and first["id"] == anchor
    assert log_in.id in first.text and words(first.summary) == "Logged in"


def test_a_device_is_taken_away_after_being_told_what_will_happen(console: Console, shop: Shop) -> None:
    shop.visitor("keeps").signs_in("A")
    goes = shop.visitor("goes")
    goes.signs_in("A")
    goes.track("Product Viewed", product_id="secret gift")
    page = open_page(console, shop)
    button = next(a for a in page.select("section[aria-labelledby=devices] a.danger") if "goes" in str(a["href"]))
    asked = console.page(str(button["href"]))
    assert "What will happen" in words(asked.main) and "leaves this customer at once" in words(asked.main)
    assert "secret gift" in open_page(console, shop).text, "asking changes nothing"
    done = console.submit(asked.select_one("main form.actions"))
    said = done.select_one("#said")
    assert "goes was taken away from this customer" in words(said) and "nobody's now" in words(said)
    assert "secret gift" not in done.text
    assert "goes" not in words(section(done, "devices"))
    console.clock.ms += 11 * MINUTE_MS
    assert console.page(f"{ROOM}/A?done=unlinked&visitor=goes").select_one("#said") is None


def test_a_device_that_is_not_joined_cannot_be_taken_away(console: Console, shop: Shop) -> None:
    shop.visitor("hers").signs_in("A")
    shop.visitor("his").signs_in("B")
    open_page(console, shop)
    console.page(f"{ROOM}/A/unlink?visitor=his", status=404)
    asked = console.page(f"{ROOM}/A/unlink?visitor=hers")
    assert console.submit(asked.select_one("main form.actions"), 404, visitor="his")
    assert open_page(console, shop, "B").select("section[aria-labelledby=devices] a.danger")


def test_a_link_is_undone_and_the_page_says_whose_the_id_is_now(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.signs_up("A", email="a@x")
    shop.server.track("Email Opened", email="a@x")
    page = open_page(console, shop)
    buttons = page.select("section[aria-labelledby=who] a.danger")
    assert len(buttons) == 1, "the key itself is not taken away"
    asked = console.page(str(buttons[0]["href"]))
    assert "a customer of its own" in words(asked.main) and "made" in words(asked.main)
    done = console.submit(asked.select_one("main form.actions"))
    said = done.select_one("#said")
    assert said is not None and "a@x was taken away" in words(said)
    own = said.select_one("a")
    assert own is not None and words(console.page(str(own["href"])).h1) == "a@x"
    assert "a@x" not in words(section(done, "who"))
    console.page(f"{ROOM}/A/undo-link?id={quote('email:a@x')}", status=404)
    console.page(f"{ROOM}/A/undo-link?id=A", status=404)


def test_an_address_that_somebody_made_up_says_nothing_of_what_was_done(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    for query in ({"done": "unlinked", "visitor": "v"}, {"done": "undone", "id": "email:a@x"}, {"done": "kept"}):
        assert open_page(console, shop, "A", **query).select_one("#said") is None


def test_a_form_without_its_token_changes_nothing(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    page = open_page(console, shop)
    asked = console.page(f"{ROOM}/A/unlink?visitor=v")
    assert console.submit(asked.select_one("main form.actions"), 403, csrf="x")
    assert console.submit(page.select_one("section[aria-labelledby=write] form"), 403, csrf=None, text="x")
    assert open_page(console, shop).select("section[aria-labelledby=devices] a.danger")


def test_a_device_of_several_customers_is_shown_as_shared(console: Console, shop: Shop) -> None:
    tablet = shop.visitor("tablet")
    for user in ("A", "B", "C"):
        tablet.signs_in(user)
        tablet.signs_out()
        shop.next_visit()
    devices = words(section(open_page(console, shop), "devices"))
    assert "shared 2 other customers used it too" in devices
    assert "2 other customers have used this device" in words(console.page(f"{ROOM}/A/unlink?visitor=tablet").main)


def test_claims_that_join_nothing_are_shown_as_claimed(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "signed.db"))
    shop = Shop(store, identity=IdentityMode.SIGNED)
    shop.server.identify("A")
    shop.visitor("stranger", Trust.CLAIMED).identify("A")
    with a_console(tmp_path, store) as console:
        page = open_page(console, shop)
        assert "Claimed, joins nothing" in words(section(page, "who"))
        assert "stranger" in words(section(page, "who"))
        assert "No browser of theirs is known" in words(section(page, "devices"))


# What staff write --------------------------------------------------------------------------------------------------


def test_a_note_is_in_the_log_claims_nothing_forms_no_visit_and_is_exported(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.signs_in("A")
    before = open_page(console, shop)
    seen = shop.profile("A").last_seen
    page = console.submit(before.select_one("section[aria-labelledby=write] form"), text="Wants grey\n<b>chairs</b>")
    assert "Kept" in words(page.select_one("#said"))
    assert "Wants grey" in words(section(page, "write")) and not section(page, "write").select("b")
    assert steps(page)[0].startswith("staff A note was added")
    after = shop.profile("A")
    assert (after.last_seen, after.visitors) == (seen, shop.profile("A").visitors)
    note = shop.activity("A")[-1]
    assert (note.name, note.visit, note.visitor, note.customer) == ("Note Added", None, None, "A")
    rows = [row for batch in shop.store.export("events", ExportQuery()).batches for row in batch]
    assert any("Note Added" in row and "Wants grey" in str(row) for row in rows)


def test_a_contact_may_set_a_follow_up_that_stands_until_the_next_contact(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    form = open_page(console, shop).select_one("section[aria-labelledby=write] form")
    page = console.submit(form, kind="phone", text="Call back about chairs", due="2999-01-02")
    assert "Contact by phone" in words(section(page, "write"))
    notice = page.select_one(".notice.warn")
    assert "Follow up on 2 Jan 2999" in words(notice) and "chairs" in words(notice)
    assert [event.name for event in shop.activity("A")][-2:] == ["Contact Logged", "Follow-up Set"]
    console.clock.ms += 1_000
    form = console.page(f"{ROOM}/A").select_one("section[aria-labelledby=write] form")
    page = console.submit(form, kind="chat", text="Done")
    assert page.select_one(".notice.warn") is None


def test_a_follow_up_that_is_late_is_said_louder(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    form = open_page(console, shop).select_one("section[aria-labelledby=write] form")
    page = console.submit(form, text="Too late", due="2020-01-02")
    assert "was due 2 Jan 2020" in words(page.select_one(".notice.bad"))


def test_a_form_that_is_sent_twice_is_kept_once(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    form = open_page(console, shop).select_one("section[aria-labelledby=write] form")
    for _ in range(2):
        page = console.submit(form, kind="phone", text="once", due="2999-01-02")
    assert len(section(page, "write").select("ul.list > li")) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"text": ""},
        {"text": "  \n "},
        {"text": "x" * 4_001},
        {"text": "x", "kind": "pigeon"},
        {"text": "x", "due": "tomorrow"},
        {"text": "x", "id": "../1"},
        {"text": "x", "id": None},
        {"text": "a\x00b"},
    ],
)
def test_a_note_that_makes_no_sense_is_refused(console: Console, shop: Shop, changed: dict[str, str | None]) -> None:
    shop.visitor().signs_in("A")
    form = open_page(console, shop).select_one("section[aria-labelledby=write] form")
    console.submit(form, 400, **changed)
    assert len(shop.activity("A")) == 1


@pytest.mark.parametrize("key", ["email:guest@x", "visitor:v", "user@FAR:7"])
def test_notes_are_kept_for_guests_visitors_and_ids_of_another_space(console: Console, shop: Shop, key: str) -> None:
    shop.visitor().order("1", email="guest@x")
    far = shop.front("far", ids="FAR")
    far.identify("7")
    form = open_page(console, shop, key).select_one("section[aria-labelledby=write] form")
    page = console.submit(form, text="Remember")
    assert "Remember" in words(section(page, "write"))
    assert shop.activity(key)[-1].name == "Note Added"
    assert len(shop.customers()) == 2


def test_a_key_of_a_space_without_a_site_takes_no_notes(console: Console, shop: Shop) -> None:
    shop.front("far", ids="FAR").identify("7")
    shop.settle()
    shop.store.remove_site("far", shop.now)
    form = open_page(console, shop, "user@FAR:7").select_one("section[aria-labelledby=write] form")
    assert "no site is left" in words(console.submit(form, 400, text="Remember").main).lower()


# The timeline ------------------------------------------------------------------------------------------------------


def test_a_visit_amid_which_the_back_end_spoke_is_told_once_and_its_order_once(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page(title="Boots")
    v.signs_in("A")
    v.order("1001", total="89.00", currency="EUR")
    shop.server.track("Order Completed", user="A", order_id=1001, total=89, currency="EUR")
    v.page(title="Thank you")
    page = open_page(console, shop)
    [visit] = page.select(".customer-visit")
    assert len(visit.select("h3")) == 1
    assert steps(page) == [
        "Opened the page Thank you",
        "The shop confirmed order #1001, 89.00 EUR",
        "Ordered #1001, 89.00 EUR",
        "Logged in",
        "Opened the page Boots",
    ]
    assert [words(step.summary) for step in page.select(".timeline .good")] == ["Ordered #1001, 89.00 EUR"]


def test_the_shop_confirms_an_order_also_where_its_call_is_older_than_the_browsers(
    console: Console, shop: Shop
) -> None:
    v = shop.visitor()
    v.signs_in("A")
    shop.server.order("7", user="A", total="5", currency="EUR")
    v.order("7", total="5", currency="EUR")
    v.order("7", total="5", currency="EUR")
    assert steps(open_page(console, shop))[:3] == [
        "Order #7 was told once more, 5.00 EUR",
        "Ordered #7, 5.00 EUR",
        "The shop confirmed order #7, 5.00 EUR",
    ]


def test_an_order_that_only_the_back_end_tells_is_told_as_one(console: Console, shop: Shop) -> None:
    shop.server.order("7", user="A", total="5", currency="EUR")
    shop.front("other").order("7", user="A", total="6", currency="EUR")
    assert sorted(steps(open_page(console, shop))) == ["Ordered #7, 5.00 EUR", "Ordered #7, 6.00 EUR"]


def test_a_visit_that_another_device_breaks_into_does_not_look_like_two(console: Console, shop: Shop) -> None:
    one, other = shop.visitor("one"), shop.visitor("other")
    one.signs_in("A", channel="search")
    other.signs_in("A", channel="email")
    one.page(title="Boots")
    page = open_page(console, shop)
    heads = [re.sub(r"\d.*", "", words(visit.h3)) for visit in page.select(".customer-visit")]
    assert heads == ["", "", "Earlier in the same visit of "]
    assert [words(visit).count("From a search") for visit in page.select(".customer-visit")] == [1, 0, 0]


def test_a_hundred_events_stand_on_a_page_and_the_next_goes_on(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.signs_in("A")
    for n in range(149):
        v.track("Product Viewed", product_id=f"p{n}")
    first = open_page(console, shop, "A", limit="100")
    assert len(steps(first)) == 100 and steps(first)[0] == "Viewed product p148"
    older = first.select_one("a[rel=next]")
    assert older is not None
    second = console.page(str(older["href"]).partition("#")[0])
    assert len(steps(second)) == 50 and steps(second)[-1] == "Logged in"
    assert second.select_one("a[rel=next]") is None
    newest = second.select_one("a[rel=prev]")
    assert newest is not None and len(steps(console.page(str(newest["href"]).partition("#")[0]))) == 100


def test_the_timeline_is_narrowed_by_event_device_and_whole_days(console: Console, shop: Shop) -> None:
    one, other = shop.visitor("one"), shop.visitor("other")
    one.signs_in("A", setup=FIREFOX)
    other.signs_in("A")
    one.track("Product Viewed", product_id="first")
    shop.next_visit()
    other.track("Product Viewed", product_id="second")
    form = open_page(console, shop).select_one("form[aria-label='Narrow the timeline']")
    assert form is not None
    names = [str(option["value"]) for option in form.select("#event option")]
    assert names == ["", "Product Viewed", "Signed In"]
    assert steps(console.submit(form, event="Product Viewed")) == ["Viewed product second", "Viewed product first"]
    assert steps(console.submit(form, event="Product Viewed", device="one")) == ["Viewed product first"]
    day = console.clock.ms - DAY_MS
    assert day > MORNING
    page = console.submit(form, to="2026-09-21")
    assert "Viewed product first" in steps(page) and "Viewed product second" not in steps(page)
    assert "Nothing fits" in words(console.submit(form, event="Signed In", **{"from": "2026-09-22"}).main)


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=2026-13-01", "until=1e3", "until=" + "9" * 30, "limit=0", "cursor=zz", "to=9999-12-31"],
)
def test_a_filter_that_makes_no_sense_is_refused_in_a_page(console: Console, shop: Shop, query: str) -> None:
    shop.visitor().signs_in("A")
    console.clock.ms = shop.now
    assert console.page(f"{ROOM}/A?{query}", status=400).h1


def test_days_and_times_are_the_sites_own_also_where_the_clocks_change(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "zone.db"))
    shop = Shop(store)
    store.put_site(make_site(timezone="Europe/Paris"))
    v = shop.visitor()
    # Paris leaves summer time on 25 October 2026 at 01:00 UTC: that day has 25 hours.
    last_second_before, first_of_day, last_of_day = 1_792_879_199_000, 1_792_879_200_000, 1_792_969_199_000
    v.signs_in("A", time=last_second_before, received=last_second_before)
    v.track("Product Viewed", product_id="early", time=first_of_day, received=first_of_day)
    v.track("Product Viewed", product_id="late", time=last_of_day, received=last_of_day)
    v.track("Product Viewed", product_id="next", time=last_of_day + 1_000, received=last_of_day + 1_000)
    shop.now = last_of_day + DAY_MS
    with a_console(tmp_path, store) as console:
        page = open_page(console, shop, "A", **{"from": "2026-10-25", "to": "2026-10-25"})
        assert steps(page) == ["Viewed product late", "Viewed product early"]
        times = [words(time) for time in page.select(".timeline-time time")]
        assert times == ["23:59:59", "00:00:00"]
        full = [str(time["title"]) for time in page.select(".timeline-time time")]
        assert full[0].endswith("23:59:59 CET") and full[1].endswith("00:00:00 CEST")


def test_two_currencies_stand_side_by_side_and_are_never_added(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.order("1", user="A", total="20.00", currency="EUR")
    v.order("2", user="A", total="300.00", currency="SEK")
    v.track("Product Added", **BOOTS)
    v.track("Product Added", **(BOOTS | {"product_id": "C", "currency": "SEK"}))
    page = open_page(console, shop)
    glance = words(page.select_one("dl.figures"))
    assert "20.00" in glance and "300.00" in glance and "320" not in page.text
    assert "89.50" in words(section(page, "cart")) and "179" not in words(section(page, "cart"))


def test_what_is_known_of_an_event_can_be_opened_raw(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.signs_in("A")
    viewed = v.track("Product Viewed", product_id="p1", price=9.5, currency="EUR")
    page = open_page(console, shop)
    first = page.select_one(".timeline > li details")
    assert first is not None and words(first.summary) == "Viewed product p1 9.50 EUR"
    assert viewed.id in first.pre.text and '"product_id": "p1"' in first.pre.text  # type: ignore[union-attr]


def test_an_anonymous_visitor_has_the_same_page(console: Console, shop: Shop) -> None:
    v = shop.visitor()
    v.page(title="Shop", setup=FIREFOX)
    v.track("Product Added", **BOOTS)
    page = open_page(console, shop, "visitor:v")
    assert "Anonymous visitor" in words(page.main) and "Nobody knows yet who this is" in words(page.main)
    assert "Boots" in words(section(page, "cart"))
    assert not page.select("a[href*=unlink]"), "there is nobody to take a device from"
    v.signs_in("A")
    page = open_page(console, shop, "visitor:v")
    owner = page.select_one(".notice a")
    assert owner is not None and str(owner["href"]) == f"{ROOM}/A"


def test_each_page_keeps_itself_to_those_who_are_signed_in(console: Console, shop: Shop) -> None:
    shop.visitor().signs_in("A")
    stranger = console.stranger()
    for path in ("", "/unlink?visitor=v", "/undo-link?id=x"):
        assert stranger.get(f"{ROOM}/A{path}").status_code == 303
    for path in ("/unlink", "/undo-link", "/remarks"):
        assert stranger.post(f"{ROOM}/A{path}", data={"visitor": "v"}, headers={"origin": HOST}).status_code in (
            303,
            401,
            403,
        )
    policy = console.client.get(f"{ROOM}/A").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
