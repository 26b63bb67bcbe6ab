"""Properties as they are stored: names once for all events (a shape), what is said of a product once (a description).

What enters: the JSON text of a call's properties. What leaves: its parts, and from them the same text to the letter.
What cannot be put together again exactly stays one text. It keeps no dictionary: that is `dictionary.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

NAMES_BYTES_MAX = 512
SAID_BYTES_MAX = 1_024
SHAPES_MAX = 4_096
DESCRIPTIONS_MAX = 250_000

# Calls that say one of these say more of the product that is the same each time. What else is theirs alone:
# quantity, position, coupon, …
_IDENTIFYING = frozenset({"product_id", "sku", "variant_id"})
_DESCRIBING = _IDENTIFYING | {
    *("id", "group_id", "variant", "name", "title", "brand", "vendor", "category", "product_name", "product_type"),
    *("price", "regular_price", "compare_at_price", "currency", "color", "size", "material"),
    *("url", "image_url", "image"),
}
_EMPTY = "0"

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_values = msgspec.json.Decoder(list[msgspec.Raw])
_places = msgspec.json.Decoder(list[int])
_names = msgspec.json.Decoder(list[str])

# The same text in SQL. Old rows and odd ones have no shape.
JOINS = """LEFT JOIN shapes ON shapes.id = {event}.shape
LEFT JOIN descriptions ON descriptions.id = {event}.description"""


def text_in_sql(event: str, empty: str = "{}") -> str:
    """The properties of a row of `events`, or `empty` where there are none; the statement has JOINS."""
    values = f"('[' || coalesce(descriptions.said, '') || {event}.properties || ']')"
    put_together = (
        "(SELECT '{' || group_concat((shapes.names -> json_each.key) || ':' || "
        f"({values} -> json_each.value)) || '}}' FROM json_each(shapes.places))"
    )
    return f"CASE WHEN {event}.shape IS NULL THEN coalesce({event}.properties, '{empty}') ELSE {put_together} END"


class Parts(Struct, frozen=True):
    """Properties taken apart. `names` and `places` are JSON lists: the nth name's value is the one at the nth place
    of the description's values and, behind them, the call's own. `said` ends in a comma, None where nothing is."""

    names: str
    places: str
    said: str | None
    own: str


class _Shape(Struct, frozen=True):
    names: str
    places: str
    described: tuple[int, ...]
    own: tuple[int, ...]
    template: str


def take_apart(text: str) -> Parts | None:
    """None where the text has no names, too long ones, or is written in another way than ours."""
    try:
        fields = _fields.decode(text)
    except msgspec.DecodeError:
        return None
    shape = _shape(tuple(fields))
    values = [str(value, "utf-8") for value in map(bytes, fields.values())]
    if shape is None or shape.template % tuple(values) != text or not all(map(_is_minified, values)):
        return None
    own = ",".join([values[at] for at in shape.own]) or _EMPTY
    if not shape.described:
        return Parts(shape.names, shape.places, None, own)
    said = "".join([f"{values[at]}," for at in shape.described])
    if len(said) > SAID_BYTES_MAX:
        return None
    return Parts(shape.names, shape.places, said, own)


def put_together(names: str, places: str, said: str | None, own: str) -> str:
    """The text again."""
    template, order = _template_of(names, places)
    values = _values.decode(f"[{said or ''}{own}]")
    return template % tuple([str(bytes(values[at]), "utf-8") for at in order])


def places_of(names: str, places: str, wanted: Sequence[str]) -> tuple[int | None, ...]:
    """Where the values of these names lie among the values; None for a name that is not there."""
    found = dict(zip(_names.decode(names), _places.decode(places), strict=True))
    return tuple(found.get(name) for name in wanted)


def _is_minified(value: str) -> bool:
    """SQLite writes lists and objects anew, without spaces."""
    return value[0] not in "[{" or msgspec.json.format(value, indent=-1) == value


@lru_cache(SHAPES_MAX)
def _shape(names: tuple[str, ...]) -> _Shape | None:
    written = msgspec.json.encode(names).decode()
    if not names or len(written.encode()) > NAMES_BYTES_MAX:
        return None
    product = not _IDENTIFYING.isdisjoint(names)
    described = tuple(at for at, name in enumerate(names) if product and name in _DESCRIBING)
    own = tuple(at for at in range(len(names)) if at not in described)
    stored = {at: place for place, at in enumerate((*described, *own))}
    places = msgspec.json.encode([stored[at] for at in range(len(names))]).decode()
    return _Shape(written, places, described, own, _template(names))


@lru_cache(SHAPES_MAX)
def _template_of(names: str, places: str) -> tuple[str, tuple[int, ...]]:
    return _template(_names.decode(names)), tuple(_places.decode(places))


def _template(names: Sequence[str]) -> str:
    members = (f"{msgspec.json.encode(name).decode().replace('%', '%%')}:%s" for name in names)
    return f"{{{','.join(members)}}}"
