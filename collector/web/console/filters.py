"""How values look on a page: times in the site's zone, numbers, money, links. Tracked data is hostile here.

What enters: values of the read models. What leaves: text, or markup of which every part was escaped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from collector.web.console import amounts
from collector.web.times import iso

NO_BREAK = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"
_WEB = re.compile(r"https?://[^\s\\\x00-\x20\x7f<>\"'`]+\Z", re.IGNORECASE)
_SPANS = ((31_536_000, "year"), (2_592_000, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def safe_url(url: str | None) -> str:
    """The address where it is a plain web address that may be linked to, else ''."""
    text = (url or "").strip()
    if not _WEB.match(text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.hostname and "@" not in parts.netloc else ""


def number(value: int | float | None) -> str:
    """1,234,567; an en dash where there is none."""
    return DASH if value is None else f"{value:,}"


def money(amount: Any, currency: str) -> str:
    """1,234.50 EUR: exact, no digit is dropped; an en dash where there is no amount."""
    text = amounts.money(amount, currency)
    if text is None:
        return DASH
    number, _, code = text.partition(" ")
    whole, point, part = number.partition(".")
    return f"{int(whole):,}{point}{part}{NO_BREAK}{code}".strip() if int(whole) else text.replace(" ", NO_BREAK)


@pass_context
def time(context: Context, ms: int | None, form: str = "minute") -> Markup | str:
    """`<time>` in the page's zone; `form` is minute, second, day, or clock (hours, minutes and seconds alone)."""
    if ms is None:
        return DASH
    return _element(ms, _local(ms, context, form), _local(ms, context, "full"))


@pass_context
def ago(context: Context, ms: int | None) -> Markup | str:
    """`<time>` as a span before now: "5 minutes ago"; the exact time is its title."""
    if ms is None:
        return DASH
    now: Any = context.resolve("now")
    return _element(ms, span_before(now, ms), _local(ms, context, "full"))


def span_before(now: int, ms: int) -> str:
    """ "just now", "1 hour ago", "in the future" never: a clock that is ahead means now."""
    seconds = max(0, now - ms) // 1_000
    for length, word in _SPANS:
        if seconds >= length:
            n = seconds // length
            return f"{n} {word}{'' if n == 1 else 's'} ago"
    return "just now"


def _element(ms: int, text: str, title: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(ms), title, text)


def _local(ms: int, context: Context, form: str) -> str:
    zone: Any = context.resolve("zone")
    moment = datetime.fromtimestamp(ms / 1_000, UTC).astimezone(ZoneInfo(zone if isinstance(zone, str) else "UTC"))
    # A page may show a thousand times: only the form that is asked for is made.
    if form == "clock":
        return f"{moment:%H:%M:%S}"
    day = f"{moment.day}{NO_BREAK}{moment:%b}{NO_BREAK}{moment.year}"
    if form == "day":
        return day
    if form == "minute":
        return f"{day}, {moment:%H:%M}"
    return f"{day}, {moment:%H:%M:%S}" if form == "second" else f"{day}, {moment:%H:%M:%S} {moment.tzname()}"
