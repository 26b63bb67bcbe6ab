"""What people and shop systems write into a cell, read exactly: money, counts, moments. ValueError says why not.

Nothing is guessed: a number or a date that can be read in two ways is refused, with both readings named.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from collector.moment import read_time

SIGNS = {"€": "EUR", "£": "GBP", "¥": "", "$": ""}
GROUPED = {
    ",": re.compile(r"\d{1,3}(,\d{3})+"),
    ".": re.compile(r"\d{1,3}(\.\d{3})+"),
}
SPACED = re.compile(r"-?\d{1,3}( \d{3})+")
GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T,]+(\d{1,2}:\d{2}(?::\d{2})?))?")
SLASHED_DATE = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}\b")


def read_money(cell: Any) -> tuple[Decimal | None, str]:
    """An amount and the currency that is written beside it ('' where none is): `1,234.50`, `12,50 €`, `USD 5`.

    ValueError for what is no amount, and for `1.234`, which is one thousand or one, depending on who wrote it.
    """
    if cell is None or cell == "":
        return None, ""
    if isinstance(cell, bool) or not isinstance(cell, str | int | Decimal):
        raise _no_amount(cell)
    if not isinstance(cell, str):
        return _plain(str(cell), cell), ""
    text = re.sub(r"[\s'’]", " ", cell.strip())
    mark = re.match(r"[A-Za-z]{3}|[€£$¥]", text) or re.search(r"(?:[A-Za-z]{3}|[€£$¥])$", text)
    word = mark.group() if mark else ""
    digits = text.replace(word, "", 1).strip() if word else text
    if " " in digits:
        whole, _, _ = re.sub(r"[.,]", ".", digits).partition(".")
        if not SPACED.fullmatch(whole):
            raise _no_amount(cell)
        digits = digits.replace(" ", "")
        return _plain(digits.replace(",", "."), cell), SIGNS.get(word, word.upper())
    return _plain(_with_point(digits, cell), cell), SIGNS.get(word, word.upper())


def _no_amount(cell: Any) -> ValueError:
    """The cell as it is written, whatever part of it was looked at."""
    return ValueError(f"{str(cell)[:40]!r} is not an amount")


def _with_point(digits: str, cell: str) -> str:
    """The number spelt with a decimal point and no grouping."""
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    last = max(digits, key=lambda mark: digits.rfind(mark) if mark in ",." else -1, default="")
    if last not in (",", "."):
        return sign + digits
    other = "," if last == "." else "."
    whole, _, fraction = digits.rpartition(last)
    if other in digits:
        if last in whole or not GROUPED[other].fullmatch(whole):
            raise _no_amount(cell)
        return sign + whole.replace(other, "") + "." + fraction
    if last in whole:
        if not GROUPED[last].fullmatch(digits):
            raise _no_amount(cell)
        return sign + digits.replace(last, "")
    if GROUPED[last].fullmatch(digits) and whole != "0":
        raise ValueError(f"{cell[:40]!r} can be read as {whole}{fraction} or as {whole}.{fraction}")
    return f"{sign}{whole}.{fraction}"


def _plain(text: str, cell: Any) -> Decimal:
    if not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?", text, re.ASCII):
        raise _no_amount(cell)
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise _no_amount(cell) from error


def read_moment(cell: Any, zone: tzinfo) -> str | None:
    """ISO 8601 with its offset, from ISO 8601, `2024-05-06 07:08:09 +0200`, `6.5.2024 07:08` or a count since 1970.

    What names no offset is taken in `zone`. ValueError for what is no time, and for dates with slashes, in which
    month and day change places from country to country.
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        time = read_time(cell if isinstance(cell, int) else float(cell))
        if time is not None:
            return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")
    if not isinstance(cell, str):
        raise ValueError(f"{str(cell)[:40]!r} is not a time")
    text = cell.strip()
    if text.isascii() and text.isdigit() and len(text) >= 9:
        return read_moment(int(text), zone)
    if SLASHED_DATE.match(text):
        raise ValueError(f"{text[:40]!r}: day and month could change places; write 2024-05-06")
    german = GERMAN_DATE.fullmatch(text)
    if german:
        day, month, year, hours = german.groups(default="00:00")
        text = f"{year}-{month:0>2}-{day:0>2}T{hours if hours[2] == ':' else '0' + hours}"
    text = re.sub(r"\s+(?=[+-]\d{2}:?\d{2}$|Z$)", "", re.sub(r"\s*(UTC|GMT)$", "Z", text))
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        written = aware.isoformat()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:40]!r} is not a time") from error
    if read_time(written) is None:
        raise ValueError(f"{text[:40]!r} is not a time between 1970 and 9999")
    return written


def read_text(cell: Any) -> str | None:
    """Text as written, a whole number as its text, None where there is nothing."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
    if cell is None:
        return None
    raise ValueError(f"{str(cell)[:40]!r} is not a text")
