"""The product lines of an order, as they lie in `order_lines`: for statements that read orders.

What enters: a row of `orders` in a statement. What leaves: its lines in one JSON text, and that text read.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import msgspec

from collector.orders import Line

# Primary key of order_lines.
LINES_IN_SQL = f"""(
    SELECT json_group_array(json_array(n, {", ".join(Line.__struct_fields__)})) FROM order_lines
    WHERE order_lines.site = orders.site AND order_lines.order_id = orders.order_id AND order_lines.deleted = 0)"""
_decode = msgspec.json.Decoder(list[list[Any]]).decode


def read_lines(text: str) -> tuple[Line, ...]:
    """What LINES_IN_SQL gives, in the order's order."""
    return tuple(Line(*line) for _, *line in sorted(_decode(text), key=itemgetter(0)))
