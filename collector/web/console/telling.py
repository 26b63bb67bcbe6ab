"""Events as sentences: what a call was, told to a person who looks over a shop's shoulder.

What enters: an event's type, name and properties, and its page. What leaves: a few plain words without a subject, such
as `added 2 × Red boots to the cart`. What visitors sent stays as it came: escaping is the template's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from collector.web.console.amounts import exact, money, plain

WORDS_MAX = 120
DETAILS_MAX = 3
_exact = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def tell(type: str, name: str, properties: str = "", *, url: str = "", title: str = "") -> str:
    """The sentence of an event. `properties` is JSON text, as events are stored; `url` and `title` are its page's."""
    said = Said(_read(properties))
    if type == "track":
        teller = TRACKED.get(name)
        return teller(said) if teller else _custom(name, said)
    if type == "page":
        return _shown("the page", short(title) or short(name) or path_of(url) or said.text("title", "path", "url"))
    if type == "screen":
        return _shown("the screen", short(name))
    return _PERSONAL[type](said) if type in _PERSONAL else _custom(name or type, said)


def _read(properties: str) -> dict[str, Any]:
    """What cannot be read (a number beyond all exponents) is told as if nothing had been said."""
    try:
        return _exact.decode(properties) if properties else {}
    except (msgspec.DecodeError, ArithmeticError):
        return {}


def short(text: str) -> str:
    """Text of a length that fits a line; whatever else it holds is left alone."""
    text = text.strip()
    return text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 1].rstrip() + "…"


class Said:
    """Properties, asked for by the names that they may have; what is not of the expected shape was not said."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties

    def text(self, *names: str) -> str:
        """The first that is said, as short text; '' where none is."""
        return next((found for name in names if (found := _text(self._properties.get(name)))), "")

    def number(self, *names: str) -> str:
        """The first that is a number, without needless decimals; '' where none is."""
        return next((found for name in names if (found := plain(self._properties.get(name)))), "")

    def money(self, *names: str) -> str:
        """The first that is an amount, with its currency; '' where none is."""
        currency = self.text("currency").upper()
        return next((found for name in names if (found := money(self._properties.get(name), currency))), "")

    def rows(self, name: str) -> list[Said]:
        """A list of objects."""
        listed = self._properties.get(name)
        return [Said(row) for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []

    def list(self, name: str) -> str:
        """One text or several, joined by commas."""
        listed = self._properties.get(name)
        found = [_text(each) for each in listed[:DETAILS_MAX]] if isinstance(listed, list) else [self.text(name)]
        return ", ".join(each for each in found if each)

    def order(self) -> str:
        """An order's number."""
        return self.text("order_id", "orderId")

    def details(self) -> str:
        """A few of the properties that can be read at a glance."""
        read = ((name, _text(value)) for name, value in self._properties.items())
        found = [f"{short(name)}: {value}" for name, value in read if value]
        return ", ".join(found[:DETAILS_MAX])

    def names(self) -> str:
        """What is said, not what it says."""
        names = [short(name) for name, value in self._properties.items() if value not in (None, "")]
        return ", ".join(names[:DETAILS_MAX]) + (" and more" if len(names) > DETAILS_MAX else "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return short(value)
    return plain(value) or ""


def path_of(url: str) -> str:
    """The path of an address; what is no address stays as it is."""
    try:
        return short(urlsplit(url).path)
    except ValueError:
        return short(url)


def _shown(what: str, called: str) -> str:
    return f"opened {what} {called}" if called else f"opened a {what.removeprefix('the ')}"


def _custom(name: str, said: Said) -> str:
    details = said.details()
    return f"did “{short(name)}” ({details})" if details else f"did “{short(name)}”"


def _identified(said: Said) -> str:
    given = said.names()
    return f"told who they are: {given}" if given else "told who they are"


def _grouped(said: Said) -> str:
    return _with("joined the group {}", said.text("name")) or "joined a group"


# Products -----------------------------------------------------------------------------------------------------------


def _product(said: Said) -> str:
    """What a product is called, with its variant. Some shops send the one product as a list of one."""
    rows = said.rows("products")
    called = said.text("name", "product_name", "title")
    if not called and rows:
        more = len(rows) - 1
        return _product(rows[0]) + (f" and {more} more" if more else "")
    if called:
        variant = said.text("variant")
        return f"{called} ({variant})" if variant and variant not in called else called
    id = said.text("product_id", "id", "sku", "variant_id")
    return f"product {id}" if id else "a product"


def _counted(said: Said) -> str:
    rows = said.rows("products")
    quantity = said.number("quantity") or (rows[0].number("quantity") if len(rows) == 1 else "")
    return f"{quantity} × {_product(said)}" if quantity not in ("", "1") else _product(said)


def _about_product(before: str, after: str = "") -> Callable[[Said], str]:
    return lambda said: f"{before} {_product(said)}{after}"


def _about_amount(before: str, after: str) -> Callable[[Said], str]:
    return lambda said: f"{before} {_counted(said)}{after}"


def _shared(said: Said) -> str:
    return f"shared {_product(said)}" + _with(" by {}", said.text("share_via"))


def _reviewed(said: Said) -> str:
    return f"reviewed {_product(said)}" + _with(", rating {}", said.number("rating")) + _quoted(said, "review_body")


_SORTING = frozenset({"sort", "sorts", "sort by", "sort_by", "sortby", "sorting", "order", "order by", "order_by"})
_DIRECTIONS = {"asc": "ascending", "desc": "descending"}


def _list(said: Said) -> str:
    return said.text("category", "list_name", "name", "list_id")


def _list_viewed(said: Said) -> str:
    return f"looked through {_list(said) or 'a list of products'}"


def _list_filtered(said: Said) -> str:
    chosen = [
        f"{row.text('type')}: {row.text('value')}" if row.text("type") else row.text("value")
        for row in said.rows("filters")[:DETAILS_MAX]
    ]
    sorts = [_sorting(row) for row in said.rows("sorts")[:1]]
    by = _with(" by {}", ", ".join(filter(None, chosen))) + _with(", sorted by {}", "".join(sorts))
    return f"filtered {_list(said) or 'a list of products'}{by}"


def _sorting(row: Said) -> str:
    """`price (descending)`. Some shops say in `type` only that it is sorting, and in `value` by what."""
    type, value = row.text("type"), row.text("value")
    if not value or type.lower() in _SORTING:
        return value or type
    return f"{type} ({_DIRECTIONS.get(value.lower(), value)})" if type else value


def _searched(said: Said) -> str:
    found = said.number("results", "results_count", "result_count", "number_of_results")
    sought = _with("searched for “{}”", said.text("query", "search_term", "q")) or "searched the shop"
    return sought + ("" if not found else " and found nothing" if found == "0" else f" and found {found}")


# Cart, checkout, orders ----------------------------------------------------------------------------------------------


def _basket(said: Said) -> str:
    """` (3 items, 89.00 EUR)`, as far as it is said."""
    quantities = [exact(row.number("quantity") or "1") or Decimal(1) for row in said.rows("products")]
    items = plain(sum(quantities, Decimal(0))) if quantities else None
    counted = "" if not items else "1 item" if items == "1" else f"{items} items"
    return _with(" ({})", ", ".join(filter(None, (counted, said.money("value", "total", "revenue")))))


def _step(verb: str) -> Callable[[Said], str]:
    def told(said: Said) -> str:
        means = ", ".join(filter(None, (said.text("shipping_method"), said.text("payment_method"))))
        return f"{verb} checkout step{_with(' {}', said.text('step', 'step_name'))}{_with(' ({})', means)}"

    return told


def _ordered(said: Said) -> str:
    number = said.order()
    return (f"ordered #{number}" if number else "placed an order") + _worth(said)


def tell_order_again(properties: str, *, by_shop: bool) -> str:
    """The sentence of a call about an order of which the story tells already."""
    said = Said(_read(properties))
    told = f"the shop confirmed order #{said.order()}" if by_shop else f"order #{said.order()} was told once more"
    return told + _worth(said)


def order_of(properties: str) -> str:
    """The number of the order that a call is about; '' where it names none."""
    return Said(_read(properties)).order()


def _worth(said: Said) -> str:
    return _with(", {}", said.money("total", "revenue", "value"))


def _order(what: str, *amounts: str) -> Callable[[Said], str]:
    def told(said: Said) -> str:
        number = said.order()
        status = said.text("status") if what == "was updated" else ""
        amount = said.money(*amounts) if amounts else ""
        return f"order{_with(' #{}', number)} {what}" + _with(": {}", status) + _with(", {}", amount)

    return told


def _coupon(before: str) -> Callable[[Said], str]:
    def told(said: Said) -> str:
        code = said.text("coupon_id", "coupon_name", "coupon", "code")
        saved = said.money("discount") if before.startswith("used") else ""
        reason = said.text("reason") if before.startswith("was refused") else ""
        return before.format(_with(" {}", code)) + _with(" and saved {}", saved) + _with(": {}", reason)

    return told


def _promotion(verb: str) -> Callable[[Said], str]:
    return lambda said: f"{verb} the promotion{_with(' {}', said.text('name', 'creative', 'promotion_id'))}"


# Mail, feedback, staff -----------------------------------------------------------------------------------------------


def _mail(before: str, after: str = "") -> Callable[[Said], str]:
    def told(said: Said) -> str:
        subject = said.text("email_subject", "subject", "campaign_name", "email_id", "campaign_id")
        return f"{before}{_with(' “{}”', subject)}{after}"

    return told


_THUMBS = {
    **dict.fromkeys(("up", "yes", "1"), "gave a thumbs-up"),
    **dict.fromkeys(("down", "no", "0", "-1"), "gave a thumbs-down"),
}


def _feedback_topic(said: Said) -> str:
    about = said.text("about")
    if about == "product" or (not about and said.text("product_id", "name")):
        return _with("the product {}", said.text("name", "product_id")) or "a product"
    number = _with("order #{}", said.text("order_id"))
    if about in ("", "order"):
        return number or ("an order" if about else "")
    return f"the {about}" + _with(" of {}", number)


def _requested(said: Said) -> str:
    return "was asked for feedback" + _with(" about {}", _feedback_topic(said))


def _feedback(said: Said) -> str:
    thumb = _THUMBS.get(said.text("thumb").lower(), "")
    score, scale = said.number("score", "rating"), said.number("scale")
    scored = _with("gave {}", score) + (_with(" of {}", scale) if score else "")
    given = thumb or scored or "gave feedback"
    about = _with(" for {}" if thumb or scored else " about {}", _feedback_topic(said))
    return given + about + _with(" ({})", said.text("reason")) + _quoted(said, "text", "comment")


def _logged_contact(said: Said) -> str:
    by = _with(" by {}", said.text("channel", "medium", "how", "kind"))
    return f"was in contact with us{by}" + _quoted(said, "text", "summary", "note")


def _follow_up(said: Said) -> str:
    return (
        "a follow-up was set" + _with(" for {}", said.text("due", "date", "at", "when")) + _quoted(said, "text", "note")
    )


def _quoted(said: Said, *names: str) -> str:
    return _with(": “{}”", said.text(*names))


def _with(form: str, words: str) -> str:
    """`form` around the words; nothing around nothing. The words are never read as a form."""
    before, _, after = form.partition("{}")
    return f"{before}{words}{after}" if words else ""


_PERSONAL: dict[str, Callable[[Said], str]] = {
    "identify": _identified,
    "alias": lambda said: "was joined with a former id",
    "group": _grouped,
}
TRACKED: dict[str, Callable[[Said], str]] = {
    "Product Viewed": _about_product("viewed"),
    "Product Clicked": _about_product("clicked on"),
    "Product Added": _about_amount("added", " to the cart"),
    "Product Removed": _about_amount("removed", " from the cart"),
    "Product List Viewed": _list_viewed,
    "Product List Filtered": _list_filtered,
    "Products Searched": _searched,
    "Cart Viewed": lambda said: f"looked at the cart{_basket(said)}",
    "Checkout Started": lambda said: f"began checkout{_basket(said)}",
    "Checkout Step Viewed": _step("came to"),
    "Checkout Step Completed": _step("completed"),
    "Payment Info Entered": lambda said: f"entered payment details{_with(' ({})', said.text('payment_method'))}",
    "Order Completed": _ordered,
    "Order Updated": _order("was updated"),
    "Order Refunded": _order("was refunded", "refund_amount", "amount", "total", "revenue", "value"),
    "Order Cancelled": _order("was cancelled"),
    "Order Shipped": _order("was shipped"),
    "Order Delivered": _order("was delivered"),
    "Coupon Entered": _coupon("entered the coupon{}"),
    "Coupon Applied": _coupon("used the coupon{}"),
    "Coupon Denied": _coupon("was refused the coupon{}"),
    "Coupon Removed": _coupon("removed the coupon{}"),
    "Segment Consent Preference Updated": lambda said: (
        f"answered what may be remembered{_with(' (asked by text {})', said.text('version'))}"
    ),
    "Promotion Viewed": _promotion("saw"),
    "Promotion Clicked": _promotion("clicked on"),
    "Product Added to Wishlist": _about_product("put", " on the wish list"),
    "Product Removed from Wishlist": _about_product("took", " off the wish list"),
    "Product Shared": _shared,
    "Product Reviewed": _reviewed,
    "Signed In": lambda said: "logged in",
    "Signed Out": lambda said: "logged out",
    "Signed Up": lambda said: "made an account",
    "Email Delivered": _mail("received the mail"),
    "Email Opened": _mail("opened the mail"),
    "Email Link Clicked": _mail("clicked a link in the mail"),
    "Email Bounced": _mail("the mail", " could not be delivered"),
    "Email Marked as Spam": _mail("marked the mail", " as spam"),
    "Subscribed": lambda said: f"agreed to mailings{_with(' about {}', said.text('topic', 'list_name'))}",
    "Unsubscribed": lambda said: "unsubscribed from mailings",
    "Product Updated": _about_product("the shop changed"),
    "Feedback Requested": _requested,
    "Feedback Given": _feedback,
    "Contact Logged": _logged_contact,
    "Note Added": lambda said: f"a note was added{_quoted(said, 'text', 'note')}",
    "Follow-up Set": _follow_up,
}
