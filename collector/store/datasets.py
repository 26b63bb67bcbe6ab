"""The data dictionary: every dataset that can be exported, its columns, their types and what they mean.

It is the one source for exports, SQL views (`v_` and the dataset's name), the OpenAPI document and the docs.
It knows no SQL, no file format and no web.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from collector.errors import Misuse, NotFound


class Kind(StrEnum):
    """How a dataset grows: by new rows only, or by rows that replace older ones of the same primary key."""

    APPEND = "append"
    FEED = "feed"


class Type(StrEnum):
    """What a column holds. Times are ms since 1970 (UTC) inside; decimals exact text; json is JSON text."""

    TEXT = "text"
    INT = "int"
    TIME = "time"
    BOOL = "bool"
    JSON = "json"
    DECIMAL = "decimal"


class Column(Struct, frozen=True):
    """One column. Text that is not known is '' unless the column is `nullable`."""

    name: str
    type: Type
    doc: str
    nullable: bool = False


class Dataset(Struct, frozen=True, kw_only=True):
    """One dataset. `timed` says, for people, which time `from` and `to` look at."""

    name: str
    kind: Kind
    doc: str
    primary_key: tuple[str, ...]
    timed: str
    columns: tuple[Column, ...]

    @property
    def cursor(self) -> str:
        """The column that `since` and `Footfall-Next` speak of."""
        return "seq" if self.kind is Kind.APPEND else "rev"

    @property
    def by_site(self) -> bool:
        """Whether `site` narrows it: people and visitors are shared by all sites."""
        return any(column.name == "site" for column in self.columns)


def dataset(name: str) -> Dataset:
    """The dataset of this name. Raises NotFound."""
    if name not in DATASETS:
        raise NotFound(f"there is no dataset {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name]


def columns(of: Dataset, *, resolve: bool, mailing: str | None = None) -> tuple[Column, ...]:
    """Its columns in the order of every export. `resolve` adds whose each event is, and is Misuse elsewhere; `mailing`
    makes a list of addresses of the customers."""
    if mailing is not None:
        if of.name != "customers":
            raise Misuse("a mailing list is made of customers")
        return MAILING
    if not resolve:
        return of.columns
    if of.name != "events":
        raise Misuse("resolve=1 adds customer and visit to events only")
    return of.columns + RESOLVED


def _text(name: str, doc: str, nullable: bool = False) -> Column:
    return Column(name, Type.TEXT, doc, nullable)


def _int(name: str, doc: str, nullable: bool = False) -> Column:
    return Column(name, Type.INT, doc, nullable)


def _time(name: str, doc: str, nullable: bool = False) -> Column:
    return Column(name, Type.TIME, doc, nullable)


def _json(name: str, doc: str) -> Column:
    return Column(name, Type.JSON, doc)


def _decimal(name: str, doc: str) -> Column:
    return Column(name, Type.DECIMAL, doc, nullable=True)


_SITE = _text("site", "The site's name.")
_VISITOR = _text("visitor", "The `anonymousId` of the browser or device.")
_MAYBE_VISITOR = _text("visitor", "The `anonymousId` of the browser or device; null where the call names none.", True)
_USER = _text("user_id", "The user id that the call names.", True)
_EMAIL = _text("email", "The e-mail address that the call names, trimmed and in lower case.", True)
_CAMPAIGN = (
    _text("campaign_source", "`utm_source`, or what the call says."),
    _text("campaign_medium", "`utm_medium`."),
    _text("campaign_name", "`utm_campaign`."),
    _text("campaign_term", "`utm_term`."),
    _text("campaign_content", "`utm_content`."),
    _text("campaign_click_id", "The advertiser's click id (`gclid`, `fbclid` and their like)."),
)
_FEED = (
    _int("rev", "Grows with each change; the cursor of the feed."),
    Column("deleted", Type.BOOL, "The row is gone: take it out by its primary key."),
)
_SAID = "null where nobody said."
_UNSEEN = "null where there are but refunds, mails and what staff did"

_EVENTS = Dataset(
    name="events",
    kind=Kind.APPEND,
    doc="Every stored call, in commit order. Rows never change; they leave only by erasure or retention.",
    primary_key=("seq",),
    timed="`time`",
    columns=(
        _int("seq", "Place in the commit order; the cursor of the export."),
        _text("id", "The `messageId`, unique per site and kind of key."),
        _SITE,
        _text("trust", "How far its word about a person is believed: `claimed`, `browser`, `signed` or `server`."),
        _text("type", "`page`, `track`, `identify`, `alias`, `screen` or `group`."),
        _text("name", "The event's name (track) or the page's (page, screen)."),
        _time("time", "When it happened."),
        _time(
            "received", "When the collector received it. Only where a batch has no times is `time` later: a ms a place."
        ),
        _MAYBE_VISITOR,
        _USER,
        _text("space", "The id space of `user_id`; '' is the one that all sites share."),
        _EMAIL,
        _text("previous", "`previousId` of an alias call.", True),
        Column("staff", Type.BOOL, "Staff made the call: it claims nothing and forms no visit."),
        _text("url", "The page's address."),
        _text("title", "The page's title."),
        _text("referrer", "The page before this one, as the browser gave it."),
        _text("channel", "How the visitor came: direct, search, social, e-mail, paid … by referrer and campaign."),
        *_CAMPAIGN,
        _text("device", "Kind of device: desktop, mobile, tablet …"),
        _text("browser", "The browser's name."),
        _text("browser_version", "The browser's version."),
        _text("os", "The operating system's name."),
        _text("os_version", "The operating system's version."),
        _text("screen", "Width and height of the screen, as in `1920x1080`."),
        _text("locale", "The browser's language."),
        _text("timezone", "The browser's time zone."),
        _text("library", "The client that sent the call."),
        _text("network", "The shortened address: /24 of an IPv4, /48 of an IPv6 address."),
        _text("consent", "The categories that the visitor had granted, in order, with commas."),
        _json("properties", "The call's properties, or an identify or group call's traits."),
        _json("context", "What of the call's context has no column here."),
    ),
)
RESOLVED = (
    _text("customer", "Key of the customer whose event it is as of now; null: nobody's.", True),
    _text("visit", "The visit that it belongs to: `id` of the visit's first event.", True),
    _text("why", "The claim that gives the event to the customer: `identify`, `signed_in`, `order` …", True),
)
_CONSENTS = Dataset(
    name="consents",
    kind=Kind.APPEND,
    doc="The consent log: every stored `Segment Consent Preference Updated` call, and the withdrawals of visitors of "
    "whom something was stored, in commit order. Rows stay when the events go; who it was goes when they are erased.",
    primary_key=("seq",),
    timed="`time`",
    columns=(
        _text("id", "The `messageId`; '' of a withdrawal, of whose call nothing else is kept, and after an erasure."),
        _int("seq", "Place in the commit order; the cursor of the export."),
        _time("time", "When the visitor chose."),
        _time("received", "When the collector received it."),
        _SITE,
        _MAYBE_VISITOR,
        _USER,
        _EMAIL,
        _json("preferences", "The granted categories, each `true`; what is not named was not granted."),
        _text("url", "The page on which it was said."),
        _json("refused", "The refused categories, each `false`."),
        _text("text", "The text that was shown, as the call says."),
        _text("language", "The language of that text."),
        _text("version", "The version of that text."),
        _text("who_hash", "Keyed hash of who it was, if they were erased since: `customer_hash` in `erasures`."),
    ),
)
_VISITS = Dataset(
    name="visits",
    kind=Kind.FEED,
    doc="Runs of one visitor's events without a gap of 30 minutes or a new campaign.",
    # `visit` alone would do but for a browser and a back end that use the same messageId.
    primary_key=("visitor", "visit", "from_time"),
    timed="`from_time`",
    columns=(
        _VISITOR,
        _text("visit", "The visit's id: the `messageId` of its first event."),
        _text("site", "The site of its first event."),
        _time("from_time", "Time of its first event."),
        _time("to_time", "Time of its last event."),
        _int("events", "Number of its events."),
        _text("landing_url", "Address of the first event's page."),
        _text("landing_title", "Title of the first event's page."),
        _text("referrer", "Referrer of the first event."),
        _text("channel", "Channel of the first event."),
        *_CAMPAIGN,
        *_FEED,
    ),
)
_CUSTOMERS = Dataset(
    name="customers",
    kind=Kind.FEED,
    doc="Known persons: a row for each set of ids that are one customer.",
    primary_key=("customer",),
    timed="`first_seen`",
    columns=(
        _text("customer", "The customer's key: a user id, or `email:ADDRESS`."),
        _text("kind", "`prospect` (no order), `buyer` (one) or `repeat` (two or more)."),
        _json("ids", "List of {kind, value, strength}: the user ids and addresses that are this customer."),
        _json("traits", "What identify calls said of the person: stronger wins, then latest."),
        _text("name", "Full name, from the traits."),
        _text("email", "E-mail address, from the traits or the ids."),
        _text("phone", "Telephone number, from the traits."),
        _time("first_seen", f"Time of the first event; {_UNSEEN}.", True),
        _time("last_seen", f"Time of the last event; {_UNSEEN}.", True),
        _int("orders", "Number of orders, the unconfirmed ones included."),
        _int("unconfirmed", "Number of orders known only from a browser."),
        _json("money", "List of {currency, gross, refunded, net, unconfirmed}, exact decimal text."),
        _time("first_order", "Time of the first order.", True),
        _time("last_order", "Time of the last order.", True),
        _json(
            "marketing",
            "List of {address, topic, state, source, text, language, version, confirmed, time}: the latest answers of "
            "the customer's addresses and of the account (address null) about mailings; topic `*` is all topics.",
        ),
        *_FEED,
    ),
)
MAILING = (
    _text("address", "The e-mail address."),
    _text("topic", "The topic that was asked for."),
    _text("state", "`yes`, `no`, or `unknown`: nobody can show an answer."),
    _text("source", "Where the answer comes from: `form`, `phone`, `import`, `unsubscribed`, `spam` …"),
    _text("text", "The text that was shown, as the call says."),
    _text("language", "The language of that text."),
    _text("version", "The version of that text."),
    _time("confirmed", "When the address's bearer said yes a second time.", True),
    _time("time", "When the answer was given.", True),
    _text("customer", "Key of the customer whose address it surely is.", True),
    _text("name", "That customer's name."),
)
_ORDERS = Dataset(
    name="orders",
    kind=Kind.FEED,
    doc="Orders, each counted once however often and by whomever it was told.",
    primary_key=("site", "order_id"),
    timed="`time`",
    columns=(
        _SITE,
        _text("order_id", "The shop's number of the order."),
        _text("customer", "Key of the customer whose order it is.", True),
        _text("visitor", "The browser that ordered.", True),
        Column("confirmed", Type.BOOL, "The shop's back end told of it, not only a browser."),
        _text("status", "`completed`, `cancelled`, `refunded`, `partially_refunded`, or what the shop said last."),
        _time("time", "When it was completed."),
        _text("currency", "ISO 4217 code; " + _SAID, True),
        _decimal("total", "What the customer pays; " + _SAID),
        _decimal("refunded", "What went back in the currency of the order, each refund once."),
        _decimal("net", "`total` less `refunded`; null where there is no total."),
        _decimal("revenue", "Revenue as told; " + _SAID),
        _decimal("tax", "Tax; " + _SAID),
        _decimal("shipping", "Shipping; " + _SAID),
        _decimal("discount", "Discount; " + _SAID),
        _json("coupons", "List of coupon codes."),
        _text("sold_via", "The channel of sale; " + _SAID, True),
        _text("location", "The shop's location or affiliation; " + _SAID, True),
        *_FEED,
    ),
)
_ORDER_LINES = Dataset(
    name="order_lines",
    kind=Kind.FEED,
    doc="The products of each order.",
    primary_key=("site", "order_id", "n"),
    timed="the order's `time`",
    columns=(
        _SITE,
        _text("order_id", "The shop's number of the order."),
        _int("n", "Place of the line in its order, from 0."),
        _text("product_id", "Product; " + _SAID, True),
        _text("variant_id", "Variant; " + _SAID, True),
        _text("sku", "Stock keeping unit; " + _SAID, True),
        _text("name", "The product's name; " + _SAID, True),
        _decimal("quantity", "How many; 1 where nobody said."),
        _decimal("price", "Price of one, in the order's currency; " + _SAID),
        _decimal("discount", "Discount on the line; " + _SAID),
        *_FEED,
    ),
)
_IDENTITIES = Dataset(
    name="identities",
    kind=Kind.FEED,
    doc="Tenancies: which span of a visitor's events belongs to which customer. Spans are half-open, [from, to), in "
    "the order (`time`, `id`) of events. Each change restates the visitor's whole set under one `rev`.",
    primary_key=("visitor", "n"),
    timed="spans that touch [`from`, `to`)",
    columns=(
        _VISITOR,
        _int("rev", "Grows with each change; all rows of a visitor's set bear that of its last change."),
        _int("n", "Place of the span among the visitor's."),
        _time("from_time", "Time of the span's first event."),
        _text("from_id", "`id` of the span's first event.", True),
        _time("to_time", "Time of the first event that is no longer the customer's; null: open.", True),
        _text("to_id", "`id` of the first event that is no longer the customer's; null: open.", True),
        _text("customer", "Key of the customer; null in a row that is gone.", True),
        _text("why", "The claim that gives the span: `identify`, `signed_in`, `order` …"),
        _text("strength", "How far the claim is believed: `browser`, `signed` or `server`."),
        _text("evidence", "`id` of the event that made the claim.", True),
        Column("deleted", Type.BOOL, "The span is gone: take it out by its primary key."),
    ),
)
_ERASURES = Dataset(
    name="erasures",
    kind=Kind.FEED,
    doc="Customers who were erased: take these events out of every copy.",
    primary_key=("erasure",),
    timed="`time`",
    columns=(
        _int("erasure", "Number of the erasure."),
        _time("time", "When it was done."),
        _text("customer_hash", "Keyed hash of the customer's key, as in the receipt: no name is kept."),
        _int("events", "Number of events that were erased."),
        _json("seqs", "List of [first, last] `seq` of the events that were erased."),
        *_FEED,
    ),
)
DATASETS: dict[str, Dataset] = {
    each.name: each for each in (_EVENTS, _CONSENTS, _VISITS, _CUSTOMERS, _ORDERS, _ORDER_LINES, _IDENTITIES, _ERASURES)
}
