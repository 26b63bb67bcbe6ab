"""The demo shop's checkout: details, payment by test cards, and the thank-you page with its question."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from msgspec.structs import replace
from starlette.responses import Response
from starlette.routing import Route

from collector.demo import back_end, facts
from collector.demo.accounts import FIELD_MAX
from collector.demo.basket import Basket
from collector.demo.records import Details, Sold
from collector.demo.visit import Visit, handled
from collector.enrich.email_address import normalise_email

GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000002"
COUNTRIES = ("Austria", "Belgium", "France", "Germany", "Ireland", "Italy", "Netherlands", "Poland", "Portugal",
             "Spain", "Sweden", "Switzerland", "United Kingdom")  # fmt: skip
ASKED = {"first_name": "first name", "last_name": "last name", "address": "street and number",
         "postcode": "postcode", "city": "town"}  # fmt: skip
ORDER_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TEXT_MAX = 500


def details_form(visit: Visit) -> Response:
    """The first step: who and where to."""
    if not visit.session.basket.lines:
        return visit.go("cart", "Your cart is empty.")
    if not visit.session.checkout_id:
        visit.change(checkout_id=f"checkout-{secrets.token_hex(6)}")
        told = facts.cart(visit.session.basket, visit.session.cart_id)
        visit.track("Checkout Started", {"checkout_id": visit.session.checkout_id} | told)
    visit.track("Checkout Step Viewed", facts.step(visit.session.checkout_id, 1))
    return visit.page("checkout.html", form=_known(visit.session.details), errors={}, countries=COUNTRIES)


def details(visit: Visit) -> Response:
    if not (visit.session.basket.lines and visit.session.checkout_id):
        return visit.go("checkout")
    given, errors = _read_details(visit)
    if errors:
        return visit.page("checkout.html", status=422, form=visit.form, errors=errors, countries=COUNTRIES)
    visit.change(details=given)
    visit.track("Checkout Step Completed", facts.step(visit.session.checkout_id, 1))
    return visit.go("checkout/payment")


def payment_form(visit: Visit) -> Response:
    """The second step. Only here after the first."""
    if not _may_pay(visit):
        return visit.go("checkout")
    visit.track("Checkout Step Viewed", facts.step(visit.session.checkout_id, 2))
    return visit.page("payment.html", error="", good=_spaced(GOOD_CARD), bad=_spaced(BAD_CARD))


def payment(visit: Visit) -> Response:
    """The good card buys, the bad one is refused, any other is none that this shop takes. None is kept."""
    if not _may_pay(visit):
        return visit.go("checkout")
    card = visit.form.get("card", "").replace(" ", "")
    session = visit.session
    if card not in (GOOD_CARD, BAD_CARD):
        error = "This demo takes its two test cards only. Never give it a real one."
        return visit.page("payment.html", status=422, error=error, good=_spaced(GOOD_CARD), bad=_spaced(BAD_CARD))
    visit.track("Payment Info Entered", facts.payment(session.checkout_id))
    if card == BAD_CARD:
        visit.track("Payment Failed", facts.payment_failed(session.checkout_id, session.basket))
        error = "The bank has declined the card. Nothing was paid; please try another one."
        return visit.page("payment.html", status=422, error=error, good=_spaced(GOOD_CARD), bad=_spaced(BAD_CARD))
    return _buy(visit)


def thanks(visit: Visit) -> Response:
    """Names the order, and asks how it was."""
    return visit.page("thanks.html", order=visit.own_order())


def feedback(visit: Visit) -> Response:
    """A thumb, and a word if there is one. The first answer counts."""
    order = visit.own_order()
    thumb, text = visit.form.get("thumb", ""), visit.form.get("text", "")[:TEXT_MAX]
    if thumb in ("up", "down") and not order.thumb:
        visit.shop.books.keep_order(replace(order, thumb=thumb))
        visit.track("Feedback Given", facts.feedback(order.id, thumb, text))
    return visit.go(f"thanks/{order.id}")


def _buy(visit: Visit) -> Response:
    session = visit.session
    assert session.details is not None
    order = Sold(
        id=_new_id(visit),
        basket=session.basket,
        details=session.details,
        account=visit.account.id if visit.account else "",
        at=visit.now,
    )
    visit.shop.books.keep_order(order)
    visit.shop.tell(back_end.ordered(order))
    visit.track("Checkout Step Completed", facts.step(session.checkout_id, 2))
    visit.track("Order Completed", facts.order(order.id, order.basket) | {"checkout_id": session.checkout_id})
    visit.track("Feedback Requested", facts.feedback(order.id))
    emptied = Basket(currency=session.basket.currency)
    visit.change(basket=emptied, cart_id="", checkout_id="", orders=(*session.orders, order.id)[-20:])
    return visit.go(f"thanks/{order.id}")


def _may_pay(visit: Visit) -> bool:
    session = visit.session
    return bool(session.basket.lines and session.checkout_id and session.details and session.details.address)


def _read_details(visit: Visit) -> tuple[Details, dict[str, str]]:
    """The details, and what is wrong with them by field."""
    form, errors = visit.form, {}
    email = normalise_email(visit.account.details.email if visit.account else form.get("email", ""))
    if email is None or len(email) > FIELD_MAX:
        errors["email"] = "Please give an e-mail address, such as jane@example.com."
    for field, name in ASKED.items():
        if not 0 < len(form.get(field, "")) <= FIELD_MAX:
            errors[field] = f"Please give the {name}, in at most {FIELD_MAX} letters."
    if form.get("country") not in COUNTRIES:
        errors["country"] = "Please choose a country."
    if len(form.get("phone", "")) > FIELD_MAX:
        errors["phone"] = "That is too long for a telephone number."
    fields = {field: form.get(field, "") for field in (*ASKED, "country", "phone")}
    return Details(email=email or "", **fields), errors


def _known(details: Details | None) -> dict[str, str]:
    if details is None:
        return {}
    return {field: getattr(details, field) for field in details.__struct_fields__}


def _new_id(visit: Visit) -> str:
    day = datetime.fromtimestamp(visit.now / 1_000, UTC)
    while visit.shop.books.order(id := order_id(day, [secrets.choice(ORDER_LETTERS) for _ in range(4)])):
        continue
    return id


def order_id(day: datetime, letters: list[str]) -> str:
    """HH-261122-K7QD: an order's day and four letters."""
    return f"HH-{day:%y%m%d}-{''.join(letters)}"


def _spaced(card: str) -> str:
    return " ".join(card[at : at + 4] for at in range(0, len(card), 4))


routes = [
    Route("/checkout", handled(details_form)),
    Route("/checkout", handled(details), methods=["POST"]),
    Route("/checkout/payment", handled(payment_form)),
    Route("/checkout/payment", handled(payment), methods=["POST"]),
    Route("/thanks/{order}", handled(thanks)),
    Route("/thanks/{order}", handled(feedback), methods=["POST"]),
]
