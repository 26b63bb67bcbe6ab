"""Orders: each counts once, whoever told of it how often, with exact money, and belongs to whom the best word says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storyteller import Shop

from collector.event import Trust
from collector.orders import Order, OrderCall, fold, order_id_of
from collector.store.sqlite.store import SqliteStore


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield Shop(store)
    store.close()


def call(at: int, name: str = "Completed", trust: Trust = Trust.SERVER, **properties: Any) -> OrderCall:
    """A call about an order, `at` ms; persons and visitors by name."""
    told = {field: properties.pop(field) for field in ("visitor", "user", "email", "staff") if field in properties}
    return OrderCall(
        (at, f"m{at}", int(trust is Trust.SERVER)), at, trust, "track", f"Order {name}", properties, **told
    )


def order(*calls: OrderCall) -> Order:
    found = fold(calls)
    assert found is not None
    return found


BROWSER = Trust.BROWSER


@pytest.mark.parametrize(
    "calls, total",
    [
        ([call(1, total=10)], "10"),
        ([call(1, total=10), call(2, total=12)], "12"),
        ([call(1, total=10), call(2, trust=BROWSER, total=12)], "10"),
        ([call(1, trust=BROWSER, total=10), call(2)], "10"),
        ([call(5, total=10, updated_at="2026-01-02"), call(9, total=12, updated_at="2026-01-01")], "10"),
        ([call(1, "Updated", total=10)], "10"),
        ([call(1, total=10), call(2, "Shipped", total=99)], "10"),
        ([call(1, total="19.90")], "19.90"),
        ([call(1, total=Decimal("0.10"))], "0.10"),
        ([call(1, revenue=7)], "7"),
        ([call(1, products=[{"price": "2.50", "quantity": 2}, {"price": "0.30"}])], "5.30"),
        ([call(1)], None),
        ([call(1, total="a lot")], None),
        ([call(1, total=True)], None),
        ([call(1, total="NaN")], None),
        ([call(1, total="1e99")], None),
    ],
)
def test_the_secret_keys_calls_outrank_then_updated_at_then_time(calls: list[OrderCall], total: str | None) -> None:
    assert order(*calls).total == total


def test_in_the_same_millisecond_the_greater_message_id_wins() -> None:
    one = OrderCall((1, "a", 1), 1, Trust.SERVER, "track", "Order Completed", {"total": 1})
    other = OrderCall((1, "b", 1), 2, Trust.SERVER, "track", "Order Completed", {"total": 2})
    assert order(one, other).total == order(other, one).total == "2"


def test_an_order_known_only_from_a_browser_is_unconfirmed() -> None:
    assert not order(call(1, trust=BROWSER), call(2, trust=Trust.SIGNED)).confirmed
    assert order(call(1, trust=BROWSER), call(2)).confirmed


def test_it_was_placed_when_it_was_completed() -> None:
    assert order(call(5, trust=BROWSER), call(9, "Shipped"), call(7, "Refunded")).time == 5
    assert order(call(5, trust=BROWSER), call(9)).time == 9
    assert order(call(5), call(9)).time == 5
    assert order(call(5, "Updated", trust=BROWSER), call(9, "Shipped")).time == 9


@pytest.mark.parametrize(
    "calls, refunded, status",
    [
        ([call(1, total=10)], "0", "completed"),
        ([call(1, total=10), call(2, "Refunded", total=4, refund_id="r1")], "4", "partially_refunded"),
        (
            [call(1, total=10), *[call(n, "Refunded", total=4, refund_id="r1") for n in (2, 3)]],
            "4",
            "partially_refunded",
        ),
        ([call(1, total=10), *[call(n, "Refunded", total=5, refund_id=f"r{n}") for n in (2, 3)]], "10", "refunded"),
        ([call(1, total=10), *[call(n, "Refunded", total=5) for n in (2, 3)]], "10", "refunded"),
        ([call(1, total=10), call(2, "Refunded")], "10", "refunded"),
        ([call(1, total=10), call(2, "Cancelled")], "10", "cancelled"),
        ([call(1, total=10), call(2, "Cancelled"), call(3)], "10", "cancelled"),
        ([call(1, total=10), call(2, "Shipped"), call(3, "Delivered")], "0", "delivered"),
        ([call(1, total=10), call(2, "Updated", status="packed")], "0", "packed"),
        ([call(1, total=10), call(2, "Refunded", BROWSER, total=10)], "0", "completed"),
        ([call(1, total=10), call(2, "Cancelled", BROWSER)], "0", "completed"),
        ([call(1, "Updated")], "0", "open"),
        (
            [call(1, total=10, currency="EUR"), call(2, "Refunded", amount=10, currency="JPY", refund_id="r")],
            "0",
            "partially_refunded",
        ),
        (
            [call(1, "Refunded", amount=n, currency=c, refund_id=c) for n, c in ((1, "JPY"), (2, "USD"))],
            "1",
            "refunded",
        ),
    ],
)
def test_refunds_count_once_and_a_cancelled_order_is_refunded_in_full(
    calls: list[OrderCall], refunded: str, status: str
) -> None:
    found = order(*calls)
    assert (Decimal(found.refunded), found.status) == (Decimal(refunded), status)


@pytest.mark.parametrize(
    "calls, person",
    [
        ([call(1, user="A")], "A"),
        ([call(1, email="a@x")], "a@x"),
        ([call(1, user="A"), call(2, email="b@x")], "A"),
        ([call(1, user="A", trust=BROWSER), call(2, email="b@x")], "b@x"),
        ([call(1, user="A", trust=BROWSER), call(2)], "A"),
        ([call(1, user="A", trust=Trust.SIGNED), call(2, user="B", trust=BROWSER)], "A"),
        ([call(1, user="A"), call(2, user="B")], "B"),
        ([call(1, user="A", trust=Trust.CLAIMED)], None),
        ([call(1), call(2, "Refunded", user="A")], None),
        ([call(1, user="A"), call(2, "Cancelled", user="B")], "A"),
    ],
)
def test_the_best_trusted_calls_that_name_anyone_name_the_person(calls: list[OrderCall], person: str | None) -> None:
    found = order(*calls)
    assert (found.user or found.email) == person


@pytest.mark.parametrize(
    "kind, name, properties, wanted",
    [
        ("track", "Order Completed", {"order_id": "1001"}, "1001"),
        ("track", "Order Completed", {"order_id": 1001}, "1001"),
        ("track", "Order Completed", {"orderId": " 1001 "}, "1001"),
        ("page", "", {"order_id": "1001"}, "1001"),
        ("track", "Checkout Started", {"order_id": "1001"}, "1001"),
        ("track", "Order Completed", {}, None),
        ("track", "Order Completed", {"order_id": ""}, None),
        ("track", "Order Completed", {"order_id": True}, None),
        ("track", "Order Completed", {"order_id": ["1001"]}, None),
        ("track", "Feedback Given", {"order_id": "1001"}, None),
        ("identify", "", {"order_id": "1001"}, None),
    ],
)
def test_which_order_a_call_speaks_of(kind: str, name: str, properties: dict[str, Any], wanted: str | None) -> None:
    assert order_id_of(kind, name, properties) == wanted


def test_a_page_alone_makes_no_order() -> None:
    assert fold([OrderCall((1, "a", 0), 1, BROWSER, "page", "", {"order_id": "1"}, visitor="v")]) is None


def test_what_is_kept_of_an_order() -> None:
    shown = {
        "product_id": 7,
        "variant_id": "r",
        "sku": "S",
        "name": "Cap",
        "quantity": 2,
        "price": "9.99",
        "discount": 1,
    }
    found = order(
        call(
            1, total="18.98", currency="eur", shipping="3", tax="2.1", coupon="SPRING", sold_via="phone",
            affiliation="Lyon", products=[shown],
        )
    )  # fmt: skip
    assert (found.currency, found.shipping, found.tax) == ("EUR", "3", "2.1")
    assert (found.coupons, found.sold_via, found.location) == (("SPRING",), "phone", "Lyon")
    [line] = found.lines
    assert (line.product_id, line.variant_id, line.sku, line.name) == ("7", "r", "S", "Cap")
    assert (line.quantity, line.price, line.discount) == ("2", "9.99", "1")


names = st.sampled_from(["Completed", "Updated", "Refunded", "Cancelled", "Shipped"])
trusts = st.sampled_from([Trust.BROWSER, Trust.SIGNED, Trust.SERVER, Trust.CLAIMED])
amounts = st.sampled_from([None, "1.10", "2", 3])


@given(st.lists(st.tuples(st.integers(0, 9), names, trusts, amounts), min_size=1, max_size=8), st.randoms())
def test_in_whatever_order_its_calls_come_the_order_is_the_same(drawn: list[Any], random: Any) -> None:
    calls = [
        OrderCall((at, f"m{n}", int(trust == Trust.SERVER)), n, trust, "track", f"Order {name}", {"total": total})
        for n, (at, name, trust, total) in enumerate(drawn)
    ]
    shuffled = random.sample(calls, len(calls))
    assert fold(shuffled) == fold(calls)


# As a customer's page shows it -------------------------------------------------------------------------------------


def test_a_reloaded_page_a_second_tab_and_the_back_end_make_one_order(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    for _ in range(3):
        v.order("1001", total="19.99", currency="EUR")
    profile = shop.profile("A")
    assert (profile.orders.count, profile.orders.unconfirmed) == (1, 1)
    assert [(m.gross, m.net, m.unconfirmed) for m in profile.money] == [("19.99", "19.99", "19.99")]
    shop.server.order("1001", total="20.00", currency="EUR")
    profile = shop.profile("A")
    assert (profile.kind, profile.orders.count, profile.orders.unconfirmed) == ("buyer", 1, 0)
    assert [(m.gross, m.net, m.unconfirmed) for m in profile.money] == [("20.00", "20.00", "0")]


def test_currencies_are_never_added_together_and_money_is_exact(shop: Shop) -> None:
    for n, (total, currency) in enumerate([("0.1", "EUR"), ("0.2", "EUR"), ("5", "USD")]):
        shop.server.order(f"{n}", user="A", total=total, currency=currency)
    shop.server.track("Order Refunded", order_id="1", total="0.05", currency="EUR")
    profile = shop.profile("A")
    assert [(m.currency, m.gross, m.refunded, m.net) for m in profile.money] == [
        ("EUR", "0.3", "0.05", "0.25"),
        ("USD", "5", "0", "5"),
    ]
    assert (profile.kind, profile.orders.count) == ("repeat", 3)


def test_an_order_that_names_nobody_belongs_to_whom_its_visitor_belonged_then(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001", total="5", currency="EUR")
    assert shop.customers() == set()
    v.identify("A")
    v.identify("B")
    assert shop.profile("A").orders.count == 1
    assert shop.profile("B").orders.count == 0


def test_a_browsers_bare_address_does_not_take_the_order_from_the_user_id_that_holds(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.order("1001", email="gift@x")
    assert shop.profile("A").orders.count == 1
    shop.server.order("1001", total="5", currency="EUR")
    assert shop.profile("A").orders.count == 1
    shop.server.order("1001", email="jane@x")
    assert shop.profile("A").orders.count == 0
    assert shop.profile("email:jane@x").orders.count == 1


def test_what_the_back_end_tells_of_an_order_shows_on_the_customers_timeline(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001", user="A")
    shop.server.track("Order Shipped", order_id="1001")
    assert shop.timeline("A") == "Order Completed, Order Shipped"
    assert [event.why for event in shop.activity("A")] == ["order", "order"]


def test_a_refund_belongs_to_its_visitor_whomever_it_names_and_moves_no_order(shop: Shop) -> None:
    v = shop.visitor(trust=Trust.SERVER)
    v.order("1001", user="A")
    v.track("Order Refunded", order_id="1001", user="B", total="1")
    assert v.whose == "A A"
    assert shop.profile("A").orders.count == 1


def test_the_same_number_on_another_site_is_another_order(shop: Shop) -> None:
    shop.server.order("1001", user="A")
    shop.front("near").order("1001", user="A")
    assert shop.profile("A").orders.count == 2
    assert shop.customers("1001") == {"A"}
