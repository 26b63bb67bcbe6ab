"""Tracked text for a terminal: shown, never obeyed.

What enters: text that a visitor may have chosen. What leaves: the same on one line, without anything that a terminal
takes for an order (escape sequences, carriage returns) or that turns the direction of reading.
"""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, and Unicode's overrides of direction (UAX #9).
_ORDERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Each character that is an order becomes U+FFFD."""
    return _ORDERS.sub("�", text)
