"""What a call said in its own words, as stored: JSON text -> values, numbers exact.

What enters: the text. What leaves: a dictionary whose numbers with a point are decimals, since they may be money.
It knows no names and no meaning of what is said.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_exact = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def exact_properties(properties: str | None) -> dict[str, Any]:
    """Properties with numbers as exact decimals."""
    return _exact.decode(properties) if properties else {}
