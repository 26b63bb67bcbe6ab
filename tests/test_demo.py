"""The demo as a newcomer meets it: the command, and a shop that works without JavaScript, whatever one types in."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import httpx
import pytest
from bs4 import BeautifulSoup
from conftest import FIREFOX, ROOT, footfall, make_site

from collector.demo.visit import POLICY
from collector.store.sqlite.store import SqliteStore

JANE = {
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "address": "1 Mill Lane",
    "postcode": "LS1 1QX",
    "city": "Leeds",
    "country": "United Kingdom",
}
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' ‮"


class Demo:
    """A running demo."""

    def __init__(self, db: Path, *flags: str) -> None:
        self.db = db
        command = [sys.executable, "-m", "collector", "demo", "--port", "0", "--json", "--db", str(db), *flags]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())
        self.url = self.said["shop"].rstrip("/")
        httpx.get(self.said["shop"], timeout=40).raise_for_status()

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        conn = sqlite3.connect(self.db)
        try:
            return conn.execute(sql, parameters).fetchall()
        finally:
            conn.close()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


class Shopper:
    """A browser without JavaScript. Every page that it gets is looked at."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.client = httpx.Client(headers={"user-agent": FIREFOX}, follow_redirects=True, timeout=20)
        self.called: list[list[Any]] = []

    def get(self, path: str = "") -> BeautifulSoup:
        return self._read(self.client.get(f"{self.demo.url}/{path}"))

    def post(self, path: str, expected: int = 200, /, **fields: str) -> BeautifulSoup:
        answer = self.client.post(f"{self.demo.url}/{path}", data=fields)
        return self._read(answer, expected)

    def fill_cart(self, variant: str = "402-OL", quantity: str = "1") -> BeautifulSoup:
        return self.post("cart/add", variant=variant, quantity=quantity)

    def buys(self, **details: str) -> str:
        """From an empty cart to the order's number."""
        self.fill_cart()
        self.get("checkout")
        self.post("checkout", **JANE | details)
        page = self.post("checkout/payment", card="4242 4242 4242 4242")
        return str(page.select_one("[data-testid=order]")["data-order"])

    def events(self) -> list[str]:
        """The names of what the pages so far told the tag to track."""
        return [call[1] for call in self.called if call[0] == "track"]

    def _read(self, answer: httpx.Response, status: int = 200) -> BeautifulSoup:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-security-policy"] == POLICY
        page = BeautifulSoup(answer.text, "lxml")
        for script in page.find_all("script"):
            assert script.get("src") or script["type"] in ("application/json", "application/ld+json")
        assert not page.select("[style], style, [onclick], [onerror], [onload]")
        self.called += json.loads(page.find(id="calls").text)
        return page


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    one = Demo(tmp_path_factory.mktemp("demo") / "demo.db", "--visitors", "60", "--seed", "2")
    yield one
    if one.process.poll() is None:
        one.stop(signal.SIGKILL)


@pytest.fixture
def shopper(demo: Demo) -> Iterator[Shopper]:
    one = Shopper(demo)
    yield one
    one.client.close()


def eventually(found: Any) -> Any:
    """The back end tells by a thread of its own: ask until it is there."""
    for _ in range(200):
        if result := found():
            return result
        time.sleep(0.05)
    raise AssertionError("it never came")


# The command


def test_the_demo_starts_with_a_past_and_a_second_start_adds_none(tmp_path: Path) -> None:
    db = tmp_path / "demo.db"
    first = Demo(db, "--visitors", "20")
    assert first.said["site"] == "Demo shop"
    [(events,)] = first.query("SELECT count(*) FROM events")
    assert events > 50
    assert "/console/signin?link=" in first.said["console"]
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 10
    second = Demo(db, "--visitors", "20")
    assert second.query("SELECT count(*) FROM events") == [(events,)]
    assert second.query("SELECT consent FROM sites") == first.query("SELECT consent FROM sites") == [("opt-in",)]
    assert second.stop(signal.SIGTERM) == 0


def test_a_database_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    db = tmp_path / "real.db"
    store = SqliteStore.open(str(db))
    store.put_site(make_site())
    store.close()
    done = footfall("demo", "--port", "0", db=db)
    assert done.returncode == 2
    assert "not a demo's" in done.stderr
    store = SqliteStore.open(str(db))
    assert [site.name for site in store.sites()] == ["shop"]
    store.close()


def test_a_collector_that_is_no_demo_serves_no_shop(collector: Any) -> None:
    assert collector.client.get("/demo/").status_code == 404


# Every page


def test_every_link_and_every_picture_of_the_shop_is_there(demo: Demo, shopper: Shopper) -> None:
    ahead, seen = {f"{demo.url}/"}, set[str]()
    while ahead:
        address = ahead.pop()
        seen.add(address)
        answer = shopper.client.get(address)
        assert answer.status_code == 200, address
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = BeautifulSoup(answer.text, "lxml")
        assert len(page.find_all("h1")) == 1, address
        for node, attribute in [
            *((a, "href") for a in page.select("a, link")),
            *((i, "src") for i in page.select("img, script[src]")),
        ]:
            target = urldefrag(urljoin(address, node[attribute]))[0]
            if target.startswith(demo.url):
                ahead |= {target} - seen
    assert len([address for address in seen if "/p/" in address]) >= 24
    assert len([address for address in seen if address.endswith(".svg")]) >= 26


def test_the_page_carries_the_tag_and_the_stub(demo: Demo, shopper: Shopper) -> None:
    page = shopper.get()
    [(key,)] = demo.query("SELECT write_key FROM sites")
    tag = page.select_one('script[src="/f.js"]')
    assert tag["data-key"] == key
    assert tag.has_attr("async")
    assert "footfall.q" in shopper.client.get(f"{demo.url}/static/shop.js").text


def test_a_product_is_told_as_search_engines_want_it(demo: Demo, shopper: Shopper) -> None:
    page = shopper.get("p/204-opal-glass-table-lamp?variant=204-M")
    product = json.loads(page.select_one('script[type="application/ld+json"]').text)
    assert (product["@type"], product["productID"], product["sku"], product["size"]) == (
        "Product",
        "204",
        "204-M",
        "Medium",
    )
    offer = product["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("101.00", "EUR")
    assert offer["priceSpecification"]["price"] == "119.00"
    assert offer["availability"] == "https://schema.org/InStock"
    assert product["url"] == f"{demo.url}/p/204-opal-glass-table-lamp"
    sold_out = shopper.get("p/402?variant=402-IK")
    assert "OutOfStock" in sold_out.select_one('script[type="application/ld+json"]').text
    assert sold_out.select_one("[data-testid=add]") is None


def test_prices_change_with_the_currency(shopper: Shopper) -> None:
    assert "€138.00" in shopper.get("p/402").text
    shopper.post("currency", currency="GBP")
    assert "£120.00" in shopper.get("p/402").text
    shopper.post("currency", currency="XXX")
    assert "£120.00" in shopper.get("p/402").text


def test_an_address_that_leads_nowhere_says_so(shopper: Shopper, demo: Demo) -> None:
    for path in ("p/999", "c/shoes", "about/us", "thanks/HH-261122-AAAA", "orders/none", "x/y"):
        answer = shopper.client.get(f"{demo.url}/{path}")
        assert (answer.status_code, "Nothing here" in answer.text) == (404, True), path


# Looking about, the cart


def test_a_search_is_told_with_what_it_found(shopper: Shopper) -> None:
    assert len(shopper.get("search?q=lamp").select(".cards li")) == 4
    assert shopper.get("search?q=rug").select_one("[data-testid=nothing-found]")
    shopper.get("search?q=")
    searched = [call[2] for call in shopper.called if call[1] == "Products Searched"]
    assert searched == [{"query": "lamp", "results": 4}, {"query": "rug", "results": 0}]


def test_a_list_can_be_sorted_and_narrowed(shopper: Shopper) -> None:
    names = [name.text for name in shopper.get("c/light?sort=price").select(".name")]
    assert names[0] == "Beeswax candles, box of six"
    assert len(shopper.get("c/light?sale=1&sort=nonsense").select(".name")) == 1
    assert shopper.events() == ["Product List Filtered", "Product List Filtered"]
    assert [call[2]["sorts"] for call in shopper.called] == [[{"type": "price", "value": "asc"}], []]


def test_the_cart_adds_up(shopper: Shopper) -> None:
    shopper.fill_cart("103-L", "2")
    shopper.fill_cart("303-05")
    page = shopper.fill_cart("303-05", "2")
    assert page.select_one("[data-testid=total]").text == "€185.00"
    page = shopper.post("cart/coupon", coupon="welcome10")
    assert page.select_one("[data-testid=total]").text == "€166.50"
    page = shopper.post("cart/change", variant="103-L", quantity="0")
    assert page.select_one("[data-testid=total]").text == "€45.40"  # 45 − 4.50 + 4.90
    assert shopper.post("cart/no-coupon").select_one("[data-testid=total]").text == "€49.90"
    assert shopper.events()[-3:] == ["Cart Viewed", "Coupon Removed", "Cart Viewed"]
    added = [call[2]["quantity"] for call in shopper.called if call[1] == "Product Added"]
    assert added == [2, 1, 2]


@pytest.mark.parametrize(
    "variant, quantity, status",
    [
        ("402-OL", "-1", 200),
        ("402-OL", "0", 200),
        ("402-OL", "1000000000", 200),
        ("402-OL", "1" * 5000, 200),
        ("402-OL", "21", 200),
        ("402-OL", "1.5", 200),
        ("402-OL", "two", 200),
        ("402-OL", "²", 200),
        ("402-IK", "1", 200),
        ("999-XX", "1", 404),
        (HOSTILE, "1", 404),
        ("", "", 404),
    ],
)
def test_what_cannot_be_bought_does_not_get_into_the_cart(
    shopper: Shopper, variant: str, quantity: str, status: int
) -> None:
    page = shopper.post("cart/add", status, variant=variant, quantity=quantity)
    assert page.select_one(".cart b").text == "0"
    assert not {"Product Added", "Product Removed"} & set(shopper.events())


def test_twenty_of_a_thing_are_the_most_however_often_one_asks(shopper: Shopper) -> None:
    shopper.fill_cart(quantity="20")
    assert shopper.fill_cart(quantity="1").select_one(".cart b").text == "20"
    assert shopper.post("cart/change", variant="402-OL", quantity="999").select_one(".cart b").text == "20"


@pytest.mark.parametrize(
    "code, said", [("SUMMER25", "expired"), ("NOPE", "unknown"), (HOSTILE, "unknown"), ("X" * 5000, "unknown")]
)
def test_a_code_that_does_not_count_is_told(shopper: Shopper, code: str, said: str) -> None:
    shopper.fill_cart()
    shopper.post("cart/coupon", coupon=code)
    denied = [call[2] for call in shopper.called if call[1] == "Coupon Denied"]
    assert [each["reason"] for each in denied] == [said]
    assert "Coupon Applied" not in shopper.events()


# Buying


def test_a_guest_buys_and_the_back_end_says_who_it_was(demo: Demo, shopper: Shopper) -> None:
    order = shopper.buys(email="Guest.One@example.com")
    [completed] = [call[2] for call in shopper.called if call[1] == "Order Completed"]
    assert (completed["order_id"], completed["total"], completed["currency"]) == (order, 138, "EUR")
    assert "email" not in completed
    told = "SELECT email, user_id FROM v_events WHERE name = 'Order Completed' AND properties LIKE ?"
    assert eventually(lambda: demo.query(told, f"%{order}%")) == [("guest.one@example.com", None)]
    assert shopper.events()[-3:] == ["Checkout Step Completed", "Order Completed", "Feedback Requested"]
    page = shopper.post(f"thanks/{order}", thumb="up", text="Nice")
    assert page.select_one("[data-testid=feedback-thanks]")
    shopper.post(f"thanks/{order}", thumb="down")
    given = [call[2] for call in shopper.called if call[1] == "Feedback Given"]
    assert given == [{"about": "order", "order_id": order, "thumb": "up", "text": "Nice"}]


def test_an_account_buys_under_its_number(demo: Demo, shopper: Shopper) -> None:
    fields = {"first_name": "Łucja", "last_name": "O’Neill", "email": "lucja@example.org", "password": "demo"}
    assert "Łucja" in shopper.post("signup", **fields).text
    order = shopper.buys(email="somebody.else@example.com")
    account = re.search(r"Customer (\d{6})", shopper.get("account").text)
    assert account
    told = "SELECT email, user_id FROM v_events WHERE name = 'Order Completed' AND properties LIKE ?"
    assert eventually(lambda: demo.query(told, f"%{order}%")) == [("lucja@example.org", account[1])]
    assert order in shopper.get("account").text
    calls = [call for call in shopper.called if call[0] == "identify"]
    traits = {"email": "lucja@example.org", "first_name": "Łucja", "last_name": "O’Neill"}
    assert calls == [["identify", account[1], traits]]
    shopper.post("logout")
    assert shopper.called[-3][0] == "reset"
    shopper.post("login", 422, email="lucja@example.org", password="wrong")
    shopper.post("login", 422, email="nobody@example.org", password="demo")
    assert "Signed In" not in shopper.events()
    shopper.post("login", email=" LUCJA@example.org", password="demo")
    assert shopper.events().count("Signed In") == 1


def test_a_customer_of_the_past_can_log_in_and_see_what_they_bought(demo: Demo, shopper: Shopper) -> None:
    [(email,)] = demo.query("SELECT email FROM v_events WHERE name = 'Signed Up' LIMIT 1")
    shopper.post("login", email=email, password="demo")
    assert email in shopper.get("account").text


def test_an_order_goes_its_way_behind_the_counter(demo: Demo, shopper: Shopper) -> None:
    order = shopper.buys()
    path = f"orders/{order}"
    shopper.post(path, status="refunded")
    assert shopper.get(path).select_one("[data-testid=status]").text == "paid"
    for status in ("shipped", "delivered", "refunded"):
        assert shopper.post(path, status=status).select_one("[data-testid=status]").text == status
    shopper.post(path, 400, status="lost")
    told = "SELECT status, refunded FROM v_orders WHERE order_id = ? AND status = 'refunded'"
    assert eventually(lambda: demo.query(told, order)) == [("refunded", "138")]


def test_a_declined_card_is_told_and_the_cart_stays(shopper: Shopper) -> None:
    shopper.fill_cart()
    shopper.get("checkout")
    shopper.post("checkout", **JANE)
    assert shopper.post("checkout/payment", 422, card="4000 0000 0000 0002").select_one("[data-testid=payment-error]")
    assert shopper.events()[-2:] == ["Payment Info Entered", "Payment Failed"]
    for card in ("", "1234", "5555 5555 5555 4444", HOSTILE):
        shopper.post("checkout/payment", 422, card=card)
    assert "Order Completed" not in shopper.events()
    assert shopper.get("cart").select_one(".cart b").text == "1"


@pytest.mark.parametrize("field", [*JANE])
@pytest.mark.parametrize("value", ["", "x" * 101])
def test_the_checkout_says_what_is_wrong_with_a_field(shopper: Shopper, field: str, value: str) -> None:
    shopper.fill_cart()
    shopper.get("checkout")
    page = shopper.post("checkout", 422, **JANE | {field: value})
    assert [node["id"] for node in page.select("[aria-invalid]")] == [field]
    shopper.get("checkout/payment")
    assert "Payment" not in shopper.get("checkout/payment").find("h1").text


def test_nobody_comes_to_the_payment_with_an_empty_cart_or_reads_another_ones_order(demo: Demo) -> None:
    one, other = Shopper(demo), Shopper(demo)
    assert "empty" in one.post("checkout/payment", card="4242424242424242").text
    order = one.buys()
    assert other.client.get(f"{demo.url}/orders/{order}").status_code == 404
    assert other.client.post(f"{demo.url}/thanks/{order}", data={"thumb": "up"}).status_code == 404
    one.client.close()
    other.client.close()


# What is typed in by people who mean harm


def test_markup_in_a_search_or_a_name_stays_text(shopper: Shopper) -> None:
    page = shopper.client.get(f"{shopper.demo.url}/search", params={"q": HOSTILE}).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    shopper.post("signup", first_name=HOSTILE, last_name=HOSTILE, email="<b>x</b>@example.com", password="demo")
    for path in ("", "account", "checkout"):
        page = shopper.client.get(f"{shopper.demo.url}/{path}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    order = shopper.buys(first_name=HOSTILE, city=HOSTILE)
    for path in (f"thanks/{order}", f"orders/{order}"):
        page = shopper.client.get(f"{shopper.demo.url}/{path}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_forms_of_other_sites_and_forms_without_end_are_refused(shopper: Shopper, demo: Demo) -> None:
    fields = {"variant": "402-OL"}
    foreign = {"origin": "https://evil.example"}
    assert shopper.client.post(f"{demo.url}/cart/add", data=fields, headers=foreign).status_code == 403
    own = {"origin": demo.url.removesuffix("/demo")}
    assert shopper.client.post(f"{demo.url}/cart/add", data=fields, headers=own).status_code == 200
    assert shopper.client.post(f"{demo.url}/cart/add", data={"variant": "x" * 20_000}).status_code == 413
    assert shopper.client.post(f"{demo.url}/cart/add", content=b"variant=%ff%00&" * 60).status_code in (400, 404)
    assert shopper.client.post(f"{demo.url}/cart/add", content=b"\xff\xfe").status_code in (400, 404)


def test_the_newsletter_takes_addresses_only(shopper: Shopper) -> None:
    for wrong in ("", "jane", "@", "a@b@c", "x" * 400 + "@example.com"):
        shopper.post("newsletter", email=wrong)
    assert not shopper.called or all(call[0] != "identify" for call in shopper.called)
    shopper.post("newsletter", email="Jané@Example.com")
    assert shopper.called[-3] == ["identify", None, {"email": "jané@example.com", "newsletter": True}]


def test_the_session_cookie_is_for_the_shop_alone(shopper: Shopper, demo: Demo) -> None:
    answer = shopper.client.post(f"{demo.url}/cart/add", data={"variant": "402-OL"}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/demo"))
    shopper.client.cookies.set("demo_shop", "../../etc/passwd", path="/demo")
    assert shopper.client.get(f"{demo.url}/cart").status_code == 200


def test_a_sign_in_link_is_made_for_the_running_demo(demo: Demo) -> None:
    made = footfall("signin-link", "--db", str(demo.db), db="elsewhere.db")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(demo.said["url"] + "/console/")
    assert httpx.get(made.stdout.strip()).status_code == 200


def test_only_its_owner_reads_what_the_demo_keeps(demo: Demo) -> None:
    kept = [*demo.db.parent.glob("demo.*")]
    assert {"demo.db", "demo.shop.db"} <= {path.name for path in kept}
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


def test_the_console_and_the_tag_keep_cookies_of_different_names(demo: Demo) -> None:
    """On one host, as here, a console's cookie named like the visitor's would make a new visitor of every page."""
    link = httpx.URL(demo.said["console"])
    with httpx.Client() as staff:
        answer = staff.post(link.copy_with(query=None), data={"link": link.params["link"]})
        assert answer.status_code == 303
        assert [*staff.cookies] == ["footfall_console"]
