"""Stories 13 to 15 of the contract's section 3, and its links: what is claimed, what staff take apart, what adds up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from storyteller import Shop

from collector.errors import NotFound
from collector.event import IdentityMode, Trust
from collector.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield store
    store.close()


@pytest.fixture
def shop(store: SqliteStore) -> Shop:
    return Shop(store)


# 13: signed identity -----------------------------------------------------------------------------------------------


@pytest.fixture
def strict(store: SqliteStore) -> Shop:
    return Shop(store, identity=IdentityMode.SIGNED)


def test_story_13_an_unsigned_claim_is_kept_shown_as_claimed_and_joins_nothing(strict: Shop) -> None:
    strict.server.identify("A")
    v = strict.visitor()
    v.page()
    claim = v.identify("A", email="a@x", trust=Trust.CLAIMED)
    assert v.whose == "- -"
    assert strict.timeline("A") == "identify"
    assert strict.ids("A") == "A server"
    [claimed] = strict.profile("A").claimed
    assert (claimed.visitor, claimed.time, claimed.evidence) == ("v", claim.time, claim.id)
    assert [event.why for event in strict.activity("visitor:v")] == [None, "claimed"]


def test_story_13_a_signed_claim_joins(strict: Shop) -> None:
    v = strict.visitor()
    v.page()
    v.identify("A", trust=Trust.SIGNED)
    assert v.whose == "A A"
    assert strict.joined("A")[0].strength == "signed"


def test_story_13_a_log_out_needs_no_signature(strict: Shop) -> None:
    v = strict.visitor()
    v.identify("A", trust=Trust.SIGNED)
    v.signs_out(user="A", trust=Trust.CLAIMED)
    v.page()
    assert v.whose == "A A -"


# 14: unlinked by staff ---------------------------------------------------------------------------------------------


def test_story_14_past_events_leave_at_once_and_a_later_log_in_joins_what_comes_after(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.identify("A")
    shop.unlinks("A")
    assert v.whose == "- -"
    v.page()
    assert v.whose == "- - -"
    v.identify("A")
    assert v.whose == "- - A A"


def test_story_14_claims_from_before_are_void_however_late_they_arrive(shop: Shop) -> None:
    v = shop.visitor()
    first = v.identify("A")
    shop.unlinks("A")
    v.identify("A", time=first.time + 1)
    v.order("1", user="A", time=first.time + 2)
    assert v.whose == "- - -"


def test_story_14_claims_of_that_very_millisecond_are_void_and_the_next_is_not(shop: Shop) -> None:
    v = shop.visitor()
    claim = v.identify("A")
    shop.settle()
    shop.store.unlink("A", "v", claim.time)
    assert v.whose == "-"
    v.identify("A", time=claim.time + 1)
    assert v.whose == "- A"


def test_story_14_another_customers_claims_stand(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.next_visit()
    v.page()
    v.identify("B")
    assert v.whose == "A B B"
    shop.unlinks("A")
    assert v.whose == "B B B"


def test_story_14_what_nobody_holds_before_the_unlink_stays_nobodys_for_who_logs_in_after(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.unlinks("A")
    v.page()
    v.identify("B")
    assert v.whose == "- B B"


@pytest.mark.parametrize(
    "kind, name, trust, joins",
    [
        ("identify", "", Trust.BROWSER, True),
        ("track", "Signed In", Trust.BROWSER, True),
        ("track", "Signed Up", Trust.BROWSER, False),
        ("track", "Order Completed", Trust.BROWSER, False),
        ("page", "", Trust.BROWSER, False),
        ("page", "", Trust.SIGNED, True),
        ("track", "Signed Up", Trust.SIGNED, True),
        ("track", "Order Completed", Trust.SERVER, True),
    ],
)
def test_story_14_only_a_log_in_proper_or_a_strong_claim_joins_again(
    shop: Shop, kind: str, name: str, trust: Trust, joins: bool
) -> None:
    v = shop.visitor()
    v.identify("A")
    shop.unlinks("A")
    v.tells(kind, name, user="A", trust=trust)
    assert v.whose == ("- A" if joins else "- -")


def test_story_14_the_unlink_keeps_the_ids_of_that_day(shop: Shop) -> None:
    v = shop.visitor()
    v.identify(email="jane@x")
    shop.server.identify("42", email="jane@x")
    shop.unlinks("42")
    shop.undoes("42", "email:jane@x")
    assert v.whose == "-"


def test_story_14_the_order_stays_with_the_person_whom_it_names(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001", email="jane@x", total="5", currency="EUR")
    shop.unlinks("email:jane@x")
    assert v.whose == "-"
    assert shop.profile("email:jane@x").orders.count == 1


def test_story_14_only_a_visitor_of_the_customer_can_be_unlinked(shop: Shop) -> None:
    shop.visitor("v").identify("A")
    shop.visitor("w").identify("B")
    for key, visitor in (("A", "w"), ("nobody", "v"), ("A", "nowhere")):
        with pytest.raises(NotFound):
            shop.unlinks(key, visitor)


# 15: an order that two calls tell together --------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["browser", "back end"])
@pytest.mark.parametrize("thanks", ["Order Completed", "page"])
def test_story_15_the_back_end_names_whom_the_thank_you_page_does_not(shop: Shop, first: str, thanks: str) -> None:
    v = shop.visitor()
    v.page()
    kind, name = ("page", "") if thanks == "page" else ("track", thanks)
    shown = v.event(kind, name, order_id="1001")
    told = shop.server.event("track", "Order Completed", order_id="1001", email="jane@x")
    for event in (shown, told) if first == "browser" else (told, shown):
        shop.store.append([event])
        shop.settle()
    assert v.whose == "email:jane@x email:jane@x"
    assert shop.profile("email:jane@x").orders.count == 1
    assert shop.profile("email:jane@x").orders.unconfirmed == 0
    [joined] = shop.joined("email:jane@x")
    assert (joined.why, joined.strength, joined.evidence) == ("order_match", "browser", shown.id)


def test_story_15_also_where_the_back_end_says_later_which_visitor_it_was(shop: Shop) -> None:
    """By an address `Order Updated` is no log-in, so it does not stand in the way of what two calls tell together."""
    shop.server.order("1001", email="jane@x")
    shop.visitor("v", Trust.SERVER).track("Order Updated", order_id="1001", email="jane@x")
    v = shop.visitor()
    v.page(order_id="1001")
    shop.settle()
    assert v.whose == "email:jane@x email:jane@x"


def test_story_15_takes_two_calls(shop: Shop) -> None:
    shop.visitor("v", Trust.SERVER).track("Order Updated", order_id="1001", email="jane@x")
    shop.settle()
    assert shop.visitor().whose == "-"


MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@pytest.mark.parametrize(
    "after, whose",
    [(-5 * MINUTE - 1, "-"), (-5 * MINUTE, "jane"), (0, "jane"), (DAY, "jane"), (DAY + 1, "-")],
)
def test_story_15_from_5_minutes_before_to_24_hours_after_the_order(shop: Shop, after: int, whose: str) -> None:
    v = shop.visitor()
    told = shop.server.order("1001", user="jane", time=shop.now + DAY, received=shop.now + 3 * DAY)
    v.page(order_id="1001", time=told.time + after, received=shop.now + 3 * DAY)
    assert v.whose == whose


def test_story_15_the_earliest_visitor_that_names_the_order_counts(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.page(order_id="1001")
    w.page(order_id="1001")
    shop.server.order("1001", user="jane")
    assert (v.whose, w.whose) == ("jane", "-")


def test_story_15_an_address_is_no_log_in_while_a_user_id_of_this_visit_holds(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    v.page(order_id="1001")
    shop.server.order("1001", email="gift@x")
    assert v.whose == "A A"
    assert shop.profile("email:gift@x").orders.count == 1


def test_story_15_a_refund_tells_of_nobody(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001")
    shop.server.track("Order Refunded", order_id="1001", user="A")
    assert v.whose == "-"


def test_story_15_the_number_counts_only_on_its_own_site(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001")
    shop.front("other").order("1001", user="A")
    assert v.whose == "-"


def test_story_15_the_back_ends_word_counts_instead_of_the_thank_you_pages(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.order("1001", email="typo@x")
    shop.server.order("1001", email="jane@x")
    assert v.whose == "email:jane@x email:jane@x"
    assert "email:typo@x" not in shop.customers()


def test_story_15_an_address_alone_does_not_count_instead_of_a_user_id(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    v.order("1001", user="A")
    shop.server.order("1001", email="jane@x")
    assert v.whose == "A A"
    assert shop.profile("email:jane@x").orders.count == 1


def test_story_15_what_staff_enter_joins_no_visitor(shop: Shop) -> None:
    v = shop.visitor()
    v.order("1001")
    shop.server.order("1001", user="A", staff=True)
    assert v.whose == "-"
    assert shop.profile("A").orders.count == 1


# Links, aliases, spaces of ids -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trust, strength", [(Trust.BROWSER, "claimed"), (Trust.SIGNED, "signed"), (Trust.SERVER, "server")]
)
@pytest.mark.parametrize("kind, name", [("identify", ""), ("track", "Signed In"), ("track", "Signed Up")])
def test_an_address_and_a_user_id_in_one_log_in_are_linked(
    shop: Shop, kind: str, name: str, trust: Trust, strength: str
) -> None:
    shop.visitor().tells(kind, name, user="42", email="jane@x", trust=trust)
    assert shop.ids("42").endswith(f", jane@x {strength}")
    assert shop.profile("email:jane@x").key == "42"


@pytest.mark.parametrize("name", ["Signed Out", "Order Completed", "Order Updated", "Email Opened", "Quiz Taken"])
def test_no_other_call_links(shop: Shop, name: str) -> None:
    shop.server.identify("42")
    shop.visitor(trust=Trust.SERVER).track(name, user="42", email="jane@x", order_id="1")
    assert shop.ids("42") == "42 server"


def test_the_same_link_told_more_strongly_is_shown_as_strong(shop: Shop) -> None:
    shop.visitor().identify("42", email="jane@x")
    assert shop.ids("42") == "42 browser, jane@x claimed"
    shop.server.identify("42", email="jane@x")
    assert shop.ids("42") == "42 server, jane@x server"


def test_an_undone_link_leaves_and_sign_up_does_not_join_it_again(shop: Shop) -> None:
    v = shop.visitor()
    v.identify(email="jane@x")
    shop.server.identify("42", email="jane@x")
    shop.undoes("42", "email:jane@x")
    assert v.whose == "email:jane@x"
    assert shop.ids("42") == "42 server"
    w = shop.visitor("w")
    w.signs_up("42", email="jane@x")
    assert shop.ids("42") == "42 server"
    w.signs_in("42", email="jane@x")
    assert shop.ids("42") == "42 server, jane@x claimed"
    assert v.whose == "42"


def test_an_undone_link_stays_void_however_late_it_arrives_again(shop: Shop) -> None:
    told = shop.server.identify("42", email="jane@x")
    shop.undoes("42", "email:jane@x")
    shop.server.identify("42", email="jane@x", time=told.time + 1)
    assert shop.ids("42") == "42 server"


def test_only_what_is_linked_can_be_undone(shop: Shop) -> None:
    shop.server.identify("42", email="jane@x")
    shop.server.identify("43", email="joe@x")
    for key, id in (("42", "email:joe@x"), ("42", "43"), ("nobody", "42"), ("42", "email:no@x")):
        with pytest.raises(NotFound):
            shop.undoes(key, id)


def test_an_alias_joins_two_user_ids_and_the_later_target_is_the_key(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.identify("41")
    w.identify("42")
    shop.server.alias("41", "42")
    assert (v.whose, w.whose) == ("42", "42")
    shop.server.alias("42", "43")
    assert (v.whose, w.whose) == ("43", "43")
    assert [shop.profile(former).key for former in ("41", "42", "43")] == ["43", "43", "43"]
    shop.server.alias("43", "41")
    assert (v.whose, w.whose) == ("41", "41")


def test_an_alias_is_a_log_in_on_the_visitor_of_that_name(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    shop.passes(minutes=10)
    shop.server.alias("v", "A")
    v.page()
    assert v.whose == "A A"
    assert shop.joined("A")[0].why == "alias"


def test_of_two_aliases_the_later_counts_also_when_it_arrives_first(shop: Shop) -> None:
    later = shop.now + 60_000
    shop.server.alias("42", "43", time=later, received=later)
    shop.server.alias("43", "42")
    assert shop.customers() == {"43"}


@pytest.mark.parametrize("after, whose", [(30 * MINUTE - 1, "A A B"), (30 * MINUTE, "A A -")])
def test_an_alias_is_in_the_visit_that_it_would_have_continued(shop: Shop, after: int, whose: str) -> None:
    v = shop.visitor()
    v.identify("A")
    v.signs_out()
    last = v.page()
    shop.server.alias("v", "B", time=last.time + after, received=last.time + after)
    assert v.whose == whose


def test_an_alias_from_a_browser_joins_no_two_ids(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.identify("41")
    w.alias("41", "42")
    assert (v.whose, w.whose) == ("41", "42")


def test_an_alias_of_a_later_time_leaves_what_the_visitor_does_before_it_to_its_holder(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("A")
    later = shop.now + 3 * DAY
    shop.server.alias("v", "B", time=later, received=later)
    shop.settle()
    shop.next_visit()
    v.page()
    shop.settle()
    v.page(time=later + 1, received=later + 1)
    assert v.whose == "A A B"


def test_an_undone_alias_leaves_each_id_its_own(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("w")
    v.identify("41", email="jane@x")
    w.identify("42")
    shop.server.alias("41", "42")
    assert (v.whose, w.whose) == ("42", "42")
    shop.undoes("42", "41")
    assert (v.whose, w.whose) == ("41", "42")
    assert shop.profile("email:jane@x").key == "41"


def test_what_staff_say_links_nothing_and_is_no_alias(shop: Shop) -> None:
    v = shop.visitor()
    v.identify("41")
    shop.server.identify("41", email="jane@x", staff=True)
    shop.server.alias("41", "42", staff=True)
    shop.server.alias("v", "42", staff=True)
    v.page()
    assert v.whose == "41 41"
    assert shop.ids("41") == "41 server"


def test_the_same_user_id_in_another_space_is_another_customer_and_addresses_are_shared(shop: Shop) -> None:
    far = shop.front("far", ids="FAR")
    shop.server.identify("7")
    far.identify("7")
    assert shop.customers() == {"7", "user@FAR:7"}
    v, w = shop.visitor("v"), shop.visitor("w", at=far)
    v.identify("7")
    w.identify("7")
    assert (v.whose, w.whose) == ("7", "user@FAR:7")
    far.identify("7", email="jane@x")
    shop.server.identify("7", email="jane@x")
    assert shop.profile("email:jane@x").key == "user@FAR:7"


def test_sites_of_one_space_share_their_customers(shop: Shop) -> None:
    v, w = shop.visitor("v"), shop.visitor("v", at=shop.front("near"))
    v.identify("7")
    w.page()
    assert v.whose == "7 7"
