"""Who shops in the demo's past: invented persons of several countries, and the browsers that they hold.

What enters: chance, as a `Random`. What leaves: names from `people.json`, addresses under example domains, telephone
numbers that regulators keep for fiction, networks that are kept for documentation. Nobody in here exists.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from collector.demo.records import Details

_DOMAINS = ("example.com", "example.org", "example.net")
_UNFOLDED = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "ı": "i", "đ": "d", "æ": "ae", "’": "", " ": ""})


class Region(Struct, frozen=True):
    """Where people are from. `#` in a form stands for a digit, `{}` for a street."""

    weight: int
    locale: str
    zone: str
    country: str
    postcode: str
    phones: tuple[str, ...]
    cities: tuple[str, ...]
    street: str
    streets: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]

    @property
    def currency(self) -> str:
        return "GBP" if self.locale == "en-GB" else "EUR"


class Device(Struct, frozen=True):
    """A kind of browser, with its User-Agent."""

    weight: int
    kind: str
    screen: tuple[int, int]
    agent: str


class _Listed(Struct, frozen=True, forbid_unknown_fields=True):
    regions: tuple[Region, ...]
    devices: tuple[Device, ...]
    crawlers: tuple[str, ...]


class Browser(Struct, frozen=True):
    """One visitor. `id` is its anonymousId."""

    id: str
    device: Device
    region: Region
    address: str
    marketing: bool


_LISTED = msgspec.json.decode((Path(__file__).parent / "people.json").read_bytes(), type=_Listed)
CRAWLERS = _LISTED.crawlers
_REGION_WEIGHTS = list(accumulate(region.weight for region in _LISTED.regions))
_DEVICE_WEIGHTS = list(accumulate(device.weight for device in _LISTED.devices))


def region(chance: Random) -> Region:
    return chance.choices(_LISTED.regions, cum_weights=_REGION_WEIGHTS)[0]


def browser(chance: Random, region: Region, at: int, but: Device | None = None) -> Browser:
    """A browser that first comes at `at` (ms); of another kind than `but`, where that is given."""
    device = chance.choices(_LISTED.devices, cum_weights=_DEVICE_WEIGHTS)[0]
    while but and device.kind == but.kind:
        device = chance.choices(_LISTED.devices, cum_weights=_DEVICE_WEIGHTS)[0]
    return Browser(uuid7(chance, at), device, region, network(chance), chance.random() < 0.6)


def tablet(chance: Random, region: Region, at: int) -> Browser:
    """The one that lies in the shop for everybody."""
    device = next(device for device in _LISTED.devices if device.kind == "tablet")
    return Browser(uuid7(chance, at), device, region, network(chance), False)


def person(chance: Random, region: Region, number: int) -> Details:
    """Somebody whom no other `number` is; `number` makes the e-mail address theirs alone."""
    first, last = chance.choice(region.first), chance.choice(region.last)
    email = f"{_ascii(first)}.{_ascii(last)}{number}@{chance.choice(_DOMAINS)}"
    street = region.street.replace("{}", chance.choice(region.streets))
    has_phone = region.phones and chance.random() < 0.6
    return Details(
        email=email,
        first_name=first,
        last_name=last,
        phone=_digits(chance, chance.choice(region.phones)) if has_phone else "",
        address=re.sub("#", lambda _: str(chance.randint(1, 120)), street),
        postcode=_digits(chance, region.postcode),
        city=chance.choice(region.cities),
        country=region.country,
    )


def uuid7(chance: Random, at: int) -> str:
    """A UUID of version 7 (RFC 9562) made at `at` (ms), as the tag makes them."""
    tail = chance.getrandbits(74)
    head, low, high = f"{at:012x}", tail & (1 << 62) - 1, tail >> 62
    low_text = f"{low | 1 << 63:016x}"
    return f"{head[:8]}-{head[8:]}-7{high:03x}-{low_text[:4]}-{low_text[4:]}"


def network(chance: Random) -> str:
    """An address of 2001:db8::/32, which is kept for documentation (RFC 3849)."""
    return f"2001:db8:{chance.getrandbits(12):x}::{chance.getrandbits(16):x}"


def pick(chance: Random, weights: Sequence[tuple[str, float]]) -> str:
    """One of the words, by its weight."""
    words, numbers = zip(*weights, strict=True)
    chosen: str = chance.choices(words, numbers)[0]
    return chosen


def _ascii(name: str) -> str:
    """A name as it stands in an e-mail address."""
    folded = unicodedata.normalize("NFKD", name.lower().translate(_UNFOLDED))
    return "".join(letter for letter in folded if letter.isascii() and (letter.isalnum() or letter == "-"))


def _digits(chance: Random, form: str) -> str:
    return re.sub("#", lambda _: str(chance.randint(0, 9)), form)
