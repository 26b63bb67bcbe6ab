"""Amounts as people read them: exact numbers, with as many decimals as their currency has.

What enters: a number as JSON holds it, or decimal text, and a currency code. What leaves: text such as `89.00 EUR`.
Nothing is rounded, converted or added up here.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

# ISO 4217, the currencies whose smaller unit is not a hundredth.
_WHOLE = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THOUSANDTHS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


def exact(value: Any) -> Decimal | None:
    """A number of a sane size, exactly; None for anything else. The same limits as an order's (`orders`)."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    # By its digits alone: arithmetic on a number of any size raises, and writing it out may fill the memory.
    sane = number.is_finite() and number.adjusted() < 15 and number.as_tuple().exponent >= -12  # type: ignore[operator]
    return number if sane else None


def plain(value: Any) -> str | None:
    """A number without needless decimals: `2`, `2.5`."""
    number = exact(value)
    if number is None:
        return None
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Any, currency: str) -> str | None:
    """`89.00 EUR`, `1200 JPY`; decimals that were said are never dropped unless they are zeros. None for no amount."""
    text = plain(value)
    if text is None:
        return None
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    whole, _, part = text.partition(".")
    padded = part.ljust(places, "0")
    return f"{whole}.{padded} {currency}".rstrip() if padded else f"{whole} {currency}".rstrip()
