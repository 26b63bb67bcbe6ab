"""Which names a site's calls may use: all that are known, and new ones until there are too many.

What enters: calls that would be kept. What leaves: nothing, or why one is refused; and the new names, as hashes, to be
remembered. A name that was seen since the start costs one look into a set.
"""

from __future__ import annotations

from collections.abc import Set
from hashlib import blake2b

from msgspec import Struct

from collector.event import Call, Reason
from collector.limits import Breach
from collector.store.vocabulary import KnownWords, Word, WordKind

# The public specs' and our own: a stranger's inventions keep none of them out.
EVERY_SITES = frozenset(
    name.strip()
    for name in """
    Product Viewed, Product Clicked, Product Added, Product Removed, Product List Viewed, Product List Filtered,
    Products Searched, Cart Viewed, Checkout Started, Checkout Step Viewed, Checkout Step Completed,
    Payment Info Entered, Order Completed, Order Updated, Order Refunded, Order Cancelled, Order Shipped,
    Order Delivered, Coupon Entered, Coupon Applied, Coupon Denied, Coupon Removed, Promotion Viewed,
    Promotion Clicked, Product Added to Wishlist, Product Removed from Wishlist, Product Shared, Product Reviewed,
    Signed In, Signed Out, Signed Up, Email Delivered, Email Opened, Email Link Clicked, Email Bounced,
    Email Marked as Spam, Subscribed, Unsubscribed, Product Updated, Feedback Requested, Feedback Given, Contact Logged,
    Note Added, Follow-up Set, Segment Consent Preference Updated
    """.replace("\n", " ").split(",")
)
SEEN_MAX = 50_000


class Usage(Struct, frozen=True):
    """How many of the names that it may use a site's calls have used."""

    site: str
    kind: WordKind
    used: int
    most: int

    @property
    def is_near(self) -> bool:
        """Whether somebody should look."""
        return self.used >= 0.8 * self.most


class _Words:
    """The names of one kind at one site: texts seen since the start, and hashes of all."""

    __slots__ = ("hashes", "most", "seen")

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen: set[str] = set()
        self.hashes: set[int] = set()


class Vocabulary:
    """Belongs to one thread. `event_names_max` and `property_names_max` are per site and kind of key; 0 is no limit."""

    def __init__(self, event_names_max: int = 0, property_names_max: int = 0) -> None:
        self._most = {kind: (event_names_max, property_names_max)[kind % 2] for kind in WordKind}
        self._key = b""
        self._words: dict[tuple[str, WordKind], _Words] = {}
        self._new: list[Word] = []

    def learn(self, known: KnownWords) -> None:
        """What was used before the start."""
        self._key = known.key
        for word in known.words:
            self._of(word.site, word.kind).hashes.add(word.hash)

    def breach(self, site: str, server: bool, call: Call) -> Breach | None:
        """Why a call may not be kept: it would need a name too many. Else its names are known from now on."""
        if call.type == "track" and call.name not in EVERY_SITES:
            events = self._of(site, WordKind.SERVER_EVENT if server else WordKind.EVENT)
            if call.name not in events.seen and not self._admit(events, site, server, WordKind.EVENT, {call.name}):
                return Reason.TOO_MANY_NAMES, f"the site's calls use {events.most} event names already"
        properties = self._of(site, WordKind.SERVER_PROPERTY if server else WordKind.PROPERTY)
        if not properties.seen.issuperset(call.properties):
            fresh = call.properties.keys() - properties.seen
            if not self._admit(properties, site, server, WordKind.PROPERTY, fresh):
                return Reason.TOO_MANY_NAMES, f"the site's calls use {properties.most} property names already"
        return None

    def new_words(self) -> list[Word]:
        """What is to be remembered, each once."""
        new, self._new = self._new, []
        return new

    def put_back(self, words: list[Word]) -> None:
        """They could not be remembered now."""
        self._new = words + self._new

    def usage(self) -> list[Usage]:
        """By site and kind; only where there is a limit."""
        return [
            Usage(site, kind, len(words.hashes), words.most)
            for (site, kind), words in sorted(self._words.items())
            if words.most
        ]

    def _of(self, site: str, kind: WordKind) -> _Words:
        found = self._words.get((site, kind))
        if found is None:
            found = self._words[site, kind] = _Words(self._most[kind])
        return found

    def _admit(self, words: _Words, site: str, server: bool, kind: WordKind, names: Set[str]) -> bool:
        """Names that were not seen since the start: known from before, or new, where there is room for all."""
        fresh = {name: hash for name in names if (hash := self._hash(name)) not in words.hashes}
        if words.most and len(words.hashes) + len(fresh) > words.most:
            return False
        if len(words.seen) >= SEEN_MAX:
            words.seen.clear()
        words.seen |= names
        if words.most:
            words.hashes.update(fresh.values())
            kept = WordKind(kind + 2 * server)
            self._new += [Word(site, kept, hash) for hash in fresh.values()]
        return True

    def _hash(self, name: str) -> int:
        hashed = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return int.from_bytes(hashed, "big", signed=True)


# Where an owner replays, or brings a history in, no name is one too many.
UNLIMITED = Vocabulary()
