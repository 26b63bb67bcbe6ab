"""The first twelve stories of the contract's section 3, each told as its table tells it, with the turns it may take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from storyteller import Shop

from collector.event import Trust
from collector.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield store
    store.close()


@pytest.fixture
def shop(store: SqliteStore) -> Shop:
    return Shop(store)


# 1 to 4: one customer ----------------------------------------------------------------------------------------------


def test_story_01_who_browses_and_then_logs_in_owns_also_the_visits_from_weeks_before(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    shop.passes(days=40)
    v.page()
    v.identify("A")
    v.page()
    assert v.whose == "A A A A"
    assert v.visits == "1 2 2 2"
    assert shop.timeline("A") == "page, page, identify, page"
    [joined] = shop.joined("A")
    assert (joined.why, joined.strength, joined.to_time) == ("identify", "browser", None)


@pytest.mark.parametrize(
    "kind, name, fields",
    [
        ("identify", "", {"user": "A"}),
        ("track", "Signed In", {"user": "A"}),
        ("track", "Signed Up", {"user": "A"}),
        ("track", "Order Completed", {"user": "A", "order_id": "1"}),
        ("track", "Quiz Taken", {"user": "A"}),
        ("page", "", {"user": "A"}),
        ("screen", "", {"user": "A"}),
        ("group", "", {"user": "A"}),
        ("alias", "", {"user": "A", "previous": "elsewhere"}),
    ],
)
def test_story_01_any_call_with_a_visitor_and_a_user_id_is_a_log_in(
    shop: Shop, kind: str, name: str, fields: dict[str, str]
) -> None:
    v = shop.visitor()
    v.page()
    v.tells(kind, name, **fields)
    assert v.whose == "A A"


@pytest.mark.parametrize("name", ["Signed In", "Signed Up", "Order Completed"])
def test_story_01_an_address_logs_in_where_somebody_says_who_they_are(shop: Shop, name: str) -> None:
    v = shop.visitor()
    v.page()
    v.track(name, email="jane@x", order_id="1")
    assert v.whose == "email:jane@x email:jane@x"


def test_story_01_a_newsletter_sign_up_by_address_alone_is_a_log_in(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.identify(email="jane@x")
    assert v.whose == "email:jane@x email:jane@x"


@pytest.mark.parametrize("name", ["Order Refunded", "Order Cancelled", "Email Opened", "Email Link Clicked"])
def test_story_01_refunds_cancellations_and_mail_claim_nothing(shop: Shop, name: str) -> None:
    v = shop.visitor()
    v.page()
    v.track(name, user="A", email="a@x", order_id="1")
    assert v.whose == "- -"


def test_story_01_an_address_in_any_other_call_claims_nothing(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.track("Coupon Entered", email="jane@x")
    v.track("Order Updated", email="jane@x", order_id="1")
    assert v.whose == "- - -"


def test_story_01_what_staff_do_on_the_visitor_claims_nothing(shop: Shop) -> None:
    v = shop.visitor(trust=Trust.SERVER)
    v.page()
    v.identify("A", email="a@x", staff=True)
    assert v.whose == "- -"
    assert v.visits == "1 -"
    assert "email:a@x" not in shop.customers()


def test_story_02_next_week_without_a_log_in_is_remembered(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.passes(days=7)
    v.page()
    v.page()
    assert v.whose == "A A A"


def test_story_03_after_the_log_out_nothing_is_anybodys(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out()
    v.page()
    shop.next_visit()
    v.page()
    assert v.whose == "A A - -"


def test_story_03_a_log_out_is_only_that_whatever_user_id_it_carries(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out(user="B")
    v.page()
    assert v.whose == "A A -"


def test_story_03_a_log_out_that_ends_nobody_changes_nothing(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.signs_out(user="A")
    v.page()
    v.identify("B")
    assert v.whose == "B B B B"


def test_story_04_a_later_log_in_of_the_same_customer_also_takes_what_lies_between(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out()
    shop.next_visit()
    v.page()
    shop.next_visit()
    v.page()
    v.identify("A")
    assert v.whose == "A A A A A"


# 5 to 7: two customers on one device -------------------------------------------------------------------------------


def test_story_05_the_next_customer_owns_all_of_the_visit_and_sees_nothing_of_the_first(shop: Shop) -> None:
    v = shop.visitor()
    v.page(title="A's own")
    v.identify("A")
    shop.next_visit()
    v.page()
    v.page()
    v.identify("B")
    v.page()
    assert v.whose == "A A B B B B"
    assert {event.customer for event in shop.activity("B")} == {"B"}
    assert shop.timeline("B") == "page, page, identify, page"
    assert shop.timeline("A") == "page, identify"


def test_story_05_a_visit_between_without_a_log_in_stays_remembered(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.next_visit()
    v.page()
    shop.next_visit()
    v.page()
    v.identify("B")
    assert v.whose == "A A B B"


def test_story_05_where_the_first_customer_logs_in_again_first_the_visit_is_theirs_until_the_second(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.next_visit()
    v.page()
    v.identify("A")
    v.page()
    v.identify("B")
    assert v.whose == "A A A A B"


def test_story_05_where_the_first_customer_logs_out_first_the_visit_is_theirs_until_then(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.next_visit()
    v.page()
    v.signs_out()
    v.page()
    v.identify("B")
    assert v.whose == "A A A B B"


@pytest.mark.parametrize("minutes, whose", [(29, "A A B"), (31, "A B B")])
def test_story_05_turns_on_whether_it_is_a_later_visit(shop: Shop, minutes: float, whose: str) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.passes(minutes=minutes)
    v.page()
    v.identify("B")
    assert v.whose == whose


def test_story_05_a_campaign_begins_a_later_visit(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.lands(source="newsletter")
    v.identify("B")
    assert v.whose == "A B B"


def test_story_05_an_event_that_comes_late_and_joins_the_visits_changes_what_they_say(shop: Shop) -> None:
    v = shop.visitor()
    first = v.identify("A")
    shop.passes(minutes=40)
    v.page()
    v.identify("B")
    assert v.whose == "A B B"
    v.page(time=first.time + 20 * 60_000)
    assert v.whose == "A A A B"


def test_story_06_two_customers_in_one_visit_share_it_from_log_in_to_log_in(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.identify("A")
    v.page()
    v.identify("B")
    v.page()
    shop.next_visit()
    v.page()
    assert v.whose == "A A A B B B"


def test_story_07_an_anonymous_visit_between_two_customers_is_nobodys(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out()
    shop.next_visit()
    v.page()
    shop.next_visit()
    v.page()
    v.identify("B")
    assert v.whose == "A A - B B"


def test_story_07_in_the_visit_of_the_log_out_the_second_customer_begins_there(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.identify("A")
    v.signs_out()
    v.page()
    v.page()
    v.identify("B")
    assert v.whose == "A A A B B B"


# 8 to 11: guests, accounts, devices --------------------------------------------------------------------------------


def test_story_08_a_guest_is_a_customer_by_address_with_the_history_before(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    shop.next_visit()
    v.page()
    v.order("1001", email="jane@x", total="10.00", currency="EUR")
    assert v.whose == " ".join(["email:jane@x"] * 3)
    assert shop.profile("email:jane@x").kind == "buyer"


def test_story_08_an_address_given_with_an_order_is_no_log_in_while_a_user_id_of_this_visit_holds(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.order("1001", email="gift@x")
    v.page()
    assert v.whose == "A A A"
    assert shop.profile("A").orders.count == 1
    assert "email:gift@x" not in shop.customers()


def test_story_08_that_user_id_must_have_been_claimed_in_this_visit(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.next_visit()
    v.page()
    v.order("1001", email="jane@x")
    assert v.whose == "A email:jane@x email:jane@x"
    assert shop.profile("email:jane@x").orders.count == 1


def test_story_08_and_must_still_hold(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out()
    v.page()
    v.order("1001", email="jane@x")
    assert v.whose == "A A email:jane@x email:jane@x"


def test_story_08_and_it_must_be_that_customer_who_holds(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.identify(email="joe@x")
    v.order("1001", email="jane@x")
    assert v.whose == "A email:joe@x email:jane@x"


def test_story_08_another_id_of_the_same_customer_does_not_end_that(shop: Shop) -> None:
    shop.server.identify("A", email="a@x")
    v = shop.visitor()
    v.signs_in("A")
    v.identify(email="a@x")
    v.order("1001", email="gift@x")
    assert v.whose == "A A A"


def test_story_09_the_account_that_appears_takes_the_guest_in_with_the_guest_history(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.order("1001", email="jane@x")
    shop.server.identify("42", email="jane@x")
    assert v.whose == "42 42"
    assert shop.customers() == {"42"}
    assert shop.profile("42").orders.count == 1
    assert shop.profile("email:jane@x").key == "42"
    assert shop.ids("42") == "42 server, jane@x server"


def test_story_09_an_orders_address_never_links_to_a_user_id(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001", user="42", email="jane@x")
    assert shop.ids("42") == "42 browser"
    other = shop.visitor("w")
    other.order("1002", email="jane@x")
    assert other.whose == "email:jane@x"


def test_story_10_an_address_of_two_accounts_stays_with_the_earliest_claim(shop: Shop) -> None:
    shop.server.identify("43", email="jane@x", time=shop.now + 120_000, received=shop.now + 120_000)
    shop.server.identify("42", email="jane@x")
    assert shop.profile("email:jane@x").key == "42"
    assert shop.customers() == {"42", "43"}
    assert shop.ids("43") == "43 server"


def test_story_10_a_stronger_claim_comes_before_an_earlier_one(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.identify("42", email="jane@x")
    assert shop.ids("42") == "42 browser, jane@x claimed"
    w.identify("43", email="jane@x", trust=Trust.SIGNED)
    assert shop.ids("43") == "43 signed, jane@x signed"
    shop.server.signs_up("44", email="jane@x")
    assert shop.ids("44") == "44 server, jane@x server"
    assert shop.ids("42") == "42 browser"
    assert (v.whose, w.whose) == ("42", "43")


def test_story_10_a_visitor_of_the_bare_address_follows_it(shop: Shop) -> None:
    v = shop.visitor()
    v.identify(email="jane@x")
    shop.visitor("w").identify("42", email="jane@x")
    assert v.whose == "42"
    shop.server.identify("43", email="jane@x")
    assert v.whose == "43"


def test_story_11_a_phone_and_a_laptop_are_one_timeline(shop: Shop) -> None:
    phone, laptop = shop.visitor("phone"), shop.visitor("laptop")
    phone.page()
    laptop.page()
    phone.identify("A")
    laptop.signs_in("A")
    assert (phone.whose, laptop.whose) == ("A A", "A A")
    assert shop.timeline("A") == "page, page, identify, Signed In"


# 12: the shop's own tablet -----------------------------------------------------------------------------------------


def six_customers_on(shop: Shop, people: str = "ABCDEF") -> str:
    """Each logs in on a visit of their own, after a look around; two visits nobody logs in."""
    tablet = shop.visitor("tablet")
    tablet.page()
    shop.next_visit()
    for customer in people:
        tablet.page()
        tablet.identify(customer)
        tablet.page()
        shop.next_visit()
    tablet.page()
    return tablet.whose


def test_story_12_five_customers_share_a_device_as_a_family_does(shop: Shop) -> None:
    assert six_customers_on(shop, "ABCDE") == "A A A A B B B C C C D D D E E E E"


def test_story_12_with_more_than_five_only_visits_with_a_log_in_are_joined_also_in_retrospect(shop: Shop) -> None:
    assert six_customers_on(shop) == "- A A A B B B C C C D D D E E E F F F -"


def test_story_12_on_a_shared_device_nothing_is_remembered_after_a_log_out_either(shop: Shop) -> None:
    six_customers_on(shop)
    tablet = shop.visitor("tablet")
    shop.next_visit()
    tablet.identify("A")
    tablet.signs_out()
    shop.next_visit()
    tablet.page()
    shop.next_visit()
    tablet.identify("A")
    assert tablet.whose.split()[-5:] == ["-", "A", "A", "-", "A"]


def test_story_12_customers_are_counted_after_links(shop: Shop) -> None:
    six_customers_on(shop)
    shop.server.alias("A", "B")
    assert shop.visitor("tablet").whose == "B B B B B B B C C C D D D E E E F F F F"


def test_story_12_customers_are_counted_over_live_claims_so_an_unlink_may_end_the_sharing(shop: Shop) -> None:
    six_customers_on(shop)
    shop.unlinks("A", "tablet")
    assert shop.visitor("tablet").whose == "B B B B B B B C C C D D D E E E F F F F"
    assert shop.timeline("A") == ""
