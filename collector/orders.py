"""Orders: all calls about one (site, order id) -> one order, counted once.

What enters: those calls. What leaves: the order, and the visitor to whom two calls together give a name (story 15).
Money is exact decimals with its currency. It knows no store, no clock, and nothing of who a person turns out to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from msgspec import Struct

from collector.event import DAY_MS, MINUTE_MS, Trust
from collector.visits import Key

FOLDED = frozenset(
    {"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled", "Order Shipped", "Order Delivered"}
)
# Calls that put a visitor beside an order while it is being made; feedback or mail may come from anybody's browser.
NAMES_VISITOR = FOLDED - {"Order Refunded", "Order Cancelled"} | {
    "Checkout Started",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Payment Info Entered",
}
_TELLS = frozenset({"Order Completed", "Order Updated"})
_NAMES_PERSON = FOLDED - {"Order Refunded", "Order Cancelled"}
_STATUS = {
    "Order Completed": "completed",
    "Order Cancelled": "cancelled",
    "Order Shipped": "shipped",
    "Order Delivered": "delivered",
}
MATCH_BEFORE_MS = 5 * MINUTE_MS
MATCH_AFTER_MS = DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class OrderCall(Struct, frozen=True):
    """One call about an order; `seq` is the caller's handle, `properties` decoded with decimals."""

    key: Key
    seq: int
    trust: int
    type: str
    name: str
    properties: dict[str, Any]
    visitor: Any = None
    user: Any = None
    email: Any = None
    staff: bool = False

    @property
    def server(self) -> bool:
        return self.trust == Trust.SERVER


class Line(Struct, frozen=True, omit_defaults=True):
    """One product line; numbers are exact decimal text."""

    product_id: str | None = None
    variant_id: str | None = None
    sku: str | None = None
    name: str | None = None
    quantity: str | None = None
    price: str | None = None
    discount: str | None = None


class Refund(Struct, frozen=True):
    """Money given back, once by its id. `amount` None: all of it."""

    refund_id: str
    amount: str | None
    currency: str | None


class Order(Struct, frozen=True, kw_only=True):
    """The fold. Amounts are exact decimal text; None: nobody said. `unconfirmed` orders are a browser's word only.

    `user` and `email` are the person whom the best-trusted calls name, `person_trust` how far they are trusted;
    `visitor` and `anchor` (a handle) the call that ties the order to a browser.
    """

    confirmed: bool
    status: str
    time: int
    currency: str | None
    total: str | None
    revenue: str | None
    tax: str | None
    shipping: str | None
    discount: str | None
    refunded: str
    coupons: tuple[str, ...]
    lines: tuple[Line, ...]
    refunds: tuple[Refund, ...]
    sold_via: str | None
    location: str | None
    user: Any
    email: Any
    person_trust: int
    visitor: Any
    anchor: int | None


class Match(Struct, frozen=True):
    """Two calls told together that `call`'s visitor is this person."""

    call: OrderCall
    user: Any
    email: Any


def order_id_of(call_type: str, name: str, properties: dict[str, Any]) -> str | None:
    """The order that a call is about, or None."""
    if not ((call_type == "track" and (name in FOLDED or name in NAMES_VISITOR)) or call_type in ("page", "screen")):
        return None
    value = properties.get("order_id", properties.get("orderId"))
    return _text(value)


def fold(calls: Iterable[OrderCall]) -> Order | None:
    """The order that the calls tell, or None where none of them is an order's own (a page that only names it)."""
    ranked = sorted((call for call in calls if call.type == "track" and call.name in FOLDED), key=_rank, reverse=True)
    if not ranked:
        return None
    confirmed = ranked[0].server
    trusted = [call for call in ranked if call.server == confirmed]
    told = [call.properties for call in ranked if call.name in _TELLS]
    lines = _first(told, _lines) or ()
    currency = _first(told, lambda p: _currency(p.get("currency"))) or _first(
        (call.properties for call in trusted), lambda p: _currency(p.get("currency"))
    )
    total = _first(told, _total)
    if total is None:
        total = _sum_of(lines)
    refunds = _refunds(trusted)
    status = _status(trusted)
    refunded = _refunded(total, currency, refunds, status)
    if refunds:
        status = "refunded" if total is None or refunded >= total else "partially_refunded"
    user, email, trust = _person(ranked)
    tied = [call for call in ranked if _names_visitor(call)]
    anchor = min(tied, key=lambda call: (not call.server, call.key), default=None)
    return Order(
        confirmed=confirmed,
        status=status,
        time=_placed(ranked),
        currency=currency,
        total=_plain(total),
        revenue=_plain(_first(told, lambda p: _amount(p.get("revenue")))),
        tax=_plain(_first(told, lambda p: _amount(p.get("tax")))),
        shipping=_plain(_first(told, lambda p: _amount(p.get("shipping")))),
        discount=_plain(_first(told, lambda p: _amount(p.get("discount")))),
        refunded=format(refunded, "f"),
        coupons=_first(told, _coupons) or (),
        lines=lines,
        refunds=refunds,
        sold_via=_first(told, lambda p: _text(p.get("sold_via"))),
        location=_first(told, lambda p: _text(p.get("affiliation"))),
        user=user,
        email=email,
        person_trust=trust,
        visitor=anchor.visitor if anchor else None,
        anchor=anchor.seq if anchor else None,
    )


def match(calls: Sequence[OrderCall]) -> Match | None:
    """Story 15: one call names a visitor, another, under the secret key, the person.

    The earliest visitor that names the order counts, from 5 minutes before to 24 hours after it. That visitor may be
    anybody's who guessed the number: the two together are believed as far as the call that names the visitor.
    """
    telling = [call for call in calls if call.server and not call.staff and _names_person(call)]
    servers = sorted(telling, key=_rank, reverse=True)
    order = fold(calls)
    if not servers or order is None:
        return None
    user = next((call.user for call in servers if call.user is not None), None)
    email = next((call.email for call in servers if call.email is not None), None)
    near = [
        call
        for call in calls
        if _names_visitor(call)
        and call.trust != Trust.CLAIMED
        and order.time - MATCH_BEFORE_MS <= call.key[0] <= order.time + MATCH_AFTER_MS
    ]
    first = min(near, key=lambda call: call.key, default=None)
    if first is None or telling == [first] or _logs_in(first):
        return None
    return Match(first, user, email if user is None else None)


def _names_visitor(call: OrderCall) -> bool:
    return call.visitor is not None and not call.staff and (call.type != "track" or call.name in NAMES_VISITOR)


def _names_person(call: OrderCall) -> bool:
    return call.name in _NAMES_PERSON and call.type == "track" and (call.user is not None or call.email is not None)


def _logs_in(call: OrderCall) -> bool:
    """Whether a back end's call that names a visitor is a log-in itself; by an address alone only a completion is."""
    return call.server and _names_person(call) and (call.user is not None or call.name == "Order Completed")


def _rank(call: OrderCall) -> tuple[bool, Any, Key]:
    """The secret key's calls outrank the browser's, then greatest updated_at (else time), time, messageId."""
    updated = _instant(call.properties.get("updated_at"))
    return call.server, call.key[0] if updated is None else updated, call.key


def _placed(ranked: list[OrderCall]) -> int:
    """When the order was made: its earliest completion, the back end's before the browser's; else its earliest call."""
    completed = [call for call in ranked if call.name == "Order Completed"]
    return min((not call.server, call.key[0]) for call in completed or ranked)[1]


def _person(ranked: list[OrderCall]) -> tuple[Any, Any, int]:
    """The person whom the best-trusted calls name; within one degree of trust a user id counts before an address."""
    for trust in (Trust.SERVER, Trust.SIGNED, Trust.BROWSER):
        naming = [call for call in ranked if call.trust == trust and _names_person(call)]
        user = next((call for call in naming if call.user is not None), None)
        if user is not None:
            return user.user, None, user.trust
        if naming:
            return None, naming[0].email, naming[0].trust
    return None, None, Trust.CLAIMED


def _status(ranked: list[OrderCall]) -> str:
    """What was said last; a thank-you page that is read again does not undo a cancellation."""
    said = [(call.name != "Order Completed", _rank(call), word) for call in ranked if (word := _status_word(call))]
    return max(said)[2] if said else "open"


def _status_word(call: OrderCall) -> str | None:
    if call.name == "Order Updated":
        return _text(call.properties.get("status"))
    return _STATUS.get(call.name)


def _refunds(trusted: list[OrderCall]) -> tuple[Refund, ...]:
    """Refunds once by `refund_id`; one without it is known by its messageId. `trusted` is sorted, best first."""
    refunds: dict[str, Refund] = {}
    for call in trusted:
        if call.name == "Order Refunded":
            refund_id = _text(call.properties.get("refund_id")) or call.key[1]
            amount = _plain(_refund_amount(call.properties))
            refunds.setdefault(refund_id, Refund(refund_id, amount, _currency(call.properties.get("currency"))))
    return tuple(refunds[refund_id] for refund_id in sorted(refunds))


def _refund_amount(properties: dict[str, Any]) -> Decimal | None:
    for name in ("refund_amount", "amount", "total", "revenue", "value"):
        amount = _amount(properties.get(name))
        if amount is not None:
            return abs(amount)
    return _sum_of(_lines(properties) or ())


def _refunded(total: Decimal | None, currency: str | None, refunds: tuple[Refund, ...], status: str) -> Decimal:
    """What went back, in the order's own currency. All of it where it was cancelled, or a refund tells no amount."""
    if status == "cancelled" or any(refund.amount is None for refund in refunds):
        return total if total is not None else Decimal(0)
    alike = (refund.amount for refund in refunds if refund.currency in (None, currency))
    return sum((Decimal(amount) for amount in alike if amount is not None), Decimal(0))


def _total(properties: dict[str, Any]) -> Decimal | None:
    for name in ("total", "revenue", "value"):
        amount = _amount(properties.get(name))
        if amount is not None:
            return amount
    return None


def _lines(properties: dict[str, Any]) -> tuple[Line, ...] | None:
    products = properties.get("products")
    if not isinstance(products, list) or not products:
        return None
    return tuple(_line(product) for product in products if isinstance(product, dict))


def _line(product: dict[str, Any]) -> Line:
    return Line(
        product_id=_text(product.get("product_id", product.get("id"))),
        variant_id=_text(product.get("variant_id", product.get("variant"))),
        sku=_text(product.get("sku")),
        name=_text(product.get("name")),
        quantity=_plain(_amount(product.get("quantity"))) or "1",
        price=_plain(_amount(product.get("price"))),
        discount=_plain(_amount(product.get("discount"))),
    )


def _sum_of(lines: tuple[Line, ...]) -> Decimal | None:
    if not lines or any(line.price is None for line in lines):
        return None
    return sum((Decimal(line.price or 0) * Decimal(line.quantity or 1) for line in lines), Decimal(0))


def _coupons(properties: dict[str, Any]) -> tuple[str, ...] | None:
    given = properties.get("coupons", properties.get("coupon"))
    listed = given if isinstance(given, list) else [given]
    coupons = tuple(code for code in map(_text, listed) if code)
    return coupons or None


def _first(sources: Iterable[dict[str, Any]], read: Callable[[dict[str, Any]], T | None]) -> T | None:
    return next((value for properties in sources if (value := read(properties)) is not None), None)


def _text(value: Any) -> str | None:
    """A name or an id as text; numbers are taken as they are written."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return None
    text = str(value).strip()
    return text or None


def _instant(value: Any) -> int | None:
    """An ISO 8601 time (UTC where it names no zone) in ms since 1970."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def _currency(value: Any) -> str | None:
    text = _text(value)
    return text.upper() if text else None


def _amount(value: Any) -> Decimal | None:
    """An exact decimal; None where it is not a plain number of a sane size."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # By its digits alone: arithmetic on a number of any size raises.
    sane = amount.is_finite() and amount.adjusted() < 15 and amount.as_tuple().exponent >= -12  # type: ignore[operator]
    return amount if sane else None


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
