"""A shop's past from before Footfall: rows of a customer or order file in, messages of the public tracking API out.

What a row lacks is not made up, and a row that cannot be read exactly is a Problem with its line, never left out
unsaid. Time zone and time of import are arguments.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from collector.enrich.email_address import normalise_email
from collector.event import DAY_MS
from collector.moment import read_time
from collector.sources.cells import read_moment, read_money, read_text
from collector.sources.columns import LINE, Columns, known_fields, pick
from collector.sources.rows import Problem, Row, column_key, read_rows
from collector.wire import BAD_USER_IDS

Message = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")
AHEAD_MS_MAX = DAY_MS
MONEY = ("total", "shipping", "tax", "discount")
NEVER_PLACED = frozenset({"failed", "draft", "checkout_draft", "auto_draft", "trash", "voided", "expired"})
CANCELLED = frozenset({"cancelled", "canceled"})
HEAD = ("user_id", "email", "created_at", "total", "currency", "status")
KNOWN = frozenset(known_fields("orders"))
LINE_COLUMNS: Columns = {field: (field, *names.split()) for field, names in LINE.items()}
LINE_NUMBERS = ("quantity", "price", "discount")


class Import(Struct, frozen=True, kw_only=True):
    """How a file is to be taken: its columns, a name for where it comes from, the zone of bare times, and now in ms.

    `guessed`: the lines that are not UTF-8, as far as they have been read.
    """

    columns: Columns
    source: str
    zone: tzinfo
    imported: int
    guessed: Set[int] = frozenset()


def customer_messages(lines: Iterable[str], form: str, how: Import) -> Iterator[Message | Problem]:
    """An `identify` for each row, or a Problem in its place."""
    for row in read_rows(lines, form):
        yield row if isinstance(row, Problem) else _or_problem(row.line, customer_message, row, how)


def order_messages(lines: Iterable[str], form: str, how: Import) -> Iterator[Message | Problem]:
    """The messages of each order. Rows with the same order id that follow each other are one order's lines."""
    seen: set[str] = set()
    for rows in _orders(read_rows(lines, form), how):
        if isinstance(rows, Problem):
            yield rows
            continue
        first = rows[0].line
        order_id = _order_id(rows[0], how)
        if order_id in seen:
            yield Problem(first, f"order {order_id} came up before; sort the file so that its rows stand together")
            continue
        seen.add(order_id)
        told = _or_problem(first, order_message, rows, how)
        yield from [told] if isinstance(told, Problem) else told


def customer_message(row: Row, how: Import) -> Message:
    """An `identify` with the person's ids, traits, and `timestamp` where the row has a time. ValueError says why not.

    `updated_at` is the time of what the row says; without it `created_at` is, and with neither, its arrival.
    """
    cells = pick(row.cells, how.columns)
    user, email = _user(cells), _email(cells, [row], how)
    if not user and not email:
        raise ValueError("has neither a user id nor an e-mail address")
    times = {field: read_moment(cells.get(field), how.zone) for field in ("created_at", "updated_at")}
    traits = {field: cell for field in cells if (cell := _trait(field, cells[field])) is not None}
    traits |= {field: time for field, time in times.items() if time}
    message = {
        "type": "identify",
        "userId": user,
        "traits": traits,
        "timestamp": times["updated_at"] or times["created_at"],
    }
    return _with_id(message, how.source, user or hashlib.sha256(str(email).encode()).hexdigest()[:16])


def _trait(field: str, cell: Any) -> Any:
    if field in ("user_id", "created_at", "updated_at"):
        return None
    return cell if isinstance(cell, list | dict | bool) else read_text(cell)


def order_message(rows: Sequence[Row], how: Import) -> list[Message]:
    """`Order Completed`, and `Order Cancelled` or `Order Refunded` where the rows say so. ValueError says why not.

    Without `updated_at` the time of import stands in, so that a changed row counts for more than what it was.
    """
    cells = _head(rows, how)
    order_id, user, email = _order_id(rows[0], how), _user(cells), _email(cells, rows, how)
    status = column_key(read_text(cells.get("status")) or "")
    if status in NEVER_PLACED:
        raise ValueError(f"order {order_id} is {status}: it was never placed")
    amounts = _amounts(cells)
    told: dict[str, Any] = {"order_id": order_id, "email": email, **amounts}
    told["products"] = _lines(rows, cells, how, amounts["currency"]) or None
    told |= {field: read_text(cells.get(field)) for field in ("affiliation", "sold_via")}
    told["coupons"] = _coupons(cells.get("coupon"))
    told |= {field: cells[field] for field in cells.keys() - KNOWN if not field.startswith("line.")}
    times = {field: _past(field, cells, how) for field in ("created_at", "updated_at", "cancelled_at")}
    if not times["created_at"]:
        raise ValueError(f"order {order_id} has no date: --map COLUMN=created_at")
    told["updated_at"] = times["updated_at"]
    changed = times["updated_at"] or times["created_at"]

    def message(event: str, properties: dict[str, Any], timestamp: str | None) -> Message:
        kept = {field: value for field, value in properties.items() if value is not None}
        whole = {"type": "track", "event": event, "userId": user, "properties": kept, "timestamp": timestamp}
        sent = _with_id(whole, how.source, order_id)
        sent["properties"].setdefault("updated_at", _iso(how.imported))
        return sent

    messages = [message("Order Completed", told, times["created_at"])]
    short = {field: told[field] for field in ("order_id", "email", "currency", "updated_at")}
    if status in CANCELLED or times["cancelled_at"]:
        messages.append(message("Order Cancelled", short, times["cancelled_at"] or changed))
    refunded = _refunded(cells, status, amounts["total"])
    if refunded:
        refund = {"refund_id": f"{how.source}:{order_id}", "total": refunded}
        messages.append(message("Order Refunded", short | refund, changed))
    return messages


def _past(field: str, cells: dict[str, Any], how: Import) -> str | None:
    """A time of an order's. One that is yet to come would count as now; but a clock may be off."""
    written = read_moment(cells.get(field), how.zone)
    time = read_time(written)
    if time is not None and time > how.imported + AHEAD_MS_MAX:
        raise ValueError(f"{field} {str(cells[field])[:40]!r} is in the future")
    return written


def _amounts(cells: dict[str, Any]) -> dict[str, str | None]:
    """The order's amounts as exact text, and the one currency that is written in its column or beside them."""
    currency = (read_text(cells.get("currency")) or "").upper()
    amounts: dict[str, str | None] = {}
    for field in MONEY:
        amounts[field], currency = _money(field, cells.get(field), currency)
    return amounts | {"currency": currency or None}


def _money(field: str, cell: Any, currency: str) -> tuple[str | None, str]:
    amount, written = read_money(cell)
    if written and currency and written != currency:
        raise ValueError(f"{field} is in {written}, the order in {currency}")
    return (None if amount is None else format(amount, "f")), currency or written


def _refunded(cells: dict[str, Any], status: str, total: str | None) -> str | None:
    amount, _ = _money("refunded", cells.get("refunded"), "")
    if amount and Decimal(amount):
        return amount.lstrip("-")
    if status == "partially_refunded":
        raise ValueError("is partially refunded, and no column says how much: --map COLUMN=refunded")
    if status == "refunded" and total is None:
        raise ValueError("is refunded, and no column says how much: --map COLUMN=refunded")
    return total if status == "refunded" else None


def _lines(rows: Sequence[Row], cells: dict[str, Any], how: Import, currency: str | None) -> list[dict[str, Any]]:
    listed = cells.get("products")
    if isinstance(listed, str):
        listed = json.loads(listed, parse_float=Decimal)
    if listed is not None:
        if not isinstance(listed, list) or not all(isinstance(line, dict) for line in listed):
            raise ValueError("products is not a list of objects")
        named = ({column_key(name): value for name, value in line.items()} for line in listed)
        return [_line(pick(line, LINE_COLUMNS), currency) for line in named]
    columns = {field.removeprefix("line."): names for field, names in how.columns.items() if field.startswith("line.")}
    return [_line(line, currency) for row in rows if (line := pick(row.cells, columns))]


def _line(cells: dict[str, Any], currency: str | None) -> dict[str, Any]:
    line = {field: read_text(cell) for field, cell in cells.items() if field not in LINE_NUMBERS}
    for field in LINE_NUMBERS:
        line[field], _ = _money(field, cells.get(field), currency or "")
    return {field: value for field, value in line.items() if value is not None}


def _coupons(cell: Any) -> list[str] | None:
    """Codes as a list, or as text with commas between them; a list may hold objects with a `code`."""
    if isinstance(cell, list):
        codes = [read_text(part.get("code") if isinstance(part, dict) else part) for part in cell]
    else:
        codes = [code.strip() for code in (read_text(cell) or "").split(",")]
    return [code for code in codes if code] or None


# --- rows that belong together


def _orders(rows: Iterable[Row | Problem], how: Import) -> Iterator[list[Row] | Problem]:
    """A row with the id of the one before it, or with none and nothing of an order's own, goes on with that order."""
    order: list[Row] = []
    broken = False
    for row in rows:
        if isinstance(row, Problem):
            if order:
                yield order
            order, broken = [], True
            yield row
        elif order and _goes_on(row, order[0], how):
            order.append(row)
        elif _order_id(row, how):
            if order:
                yield order
            order, broken = [row], False
        else:
            yield Problem(row.line, "goes on with an order that could not be read" if broken else "has no order id")
    if order:
        yield order


def _goes_on(row: Row, first: Row, how: Import) -> bool:
    order_id = _order_id(row, how)
    if order_id:
        return order_id == _order_id(first, how)
    cells, head = pick(row.cells, how.columns), pick(first.cells, how.columns)
    has_line = any(field.startswith("line.") for field in cells)
    return (
        has_line and "total" not in cells and all(head.get(field) == cells[field] for field in HEAD if field in cells)
    )


def _order_id(row: Row, how: Import) -> str:
    return str(pick(row.cells, {"order_id": how.columns["order_id"]}).get("order_id", "")).strip()


def _head(rows: Sequence[Row], how: Import) -> dict[str, Any]:
    """What the rows say of the order itself; ValueError where two of them do not agree."""
    cells: dict[str, Any] = {}
    for row in rows:
        for field, cell in pick(row.cells, how.columns).items():
            if cells.setdefault(field, cell) != cell and field in HEAD:
                raise ValueError(f"line {row.line} says another {field} for the same order")
    return cells


# --- ids


def _user(cells: dict[str, Any]) -> str | None:
    """The user id; what shop systems write for a guest (0, empty) counts as none."""
    user = read_text(cells.get("user_id"))
    return None if user is None or user.lower() in BAD_USER_IDS else user


def _email(cells: dict[str, Any], rows: Sequence[Row], how: Import) -> str | None:
    """The address as written. ValueError for what cannot be one; letters beyond ASCII are only believed in UTF-8."""
    email = read_text(cells.get("email"))
    if email is None:
        return None
    if normalise_email(email) is None or (not email.isascii() and any(row.line in how.guessed for row in rows)):
        raise ValueError(f"{email[:40]!r} cannot be an e-mail address")
    return email


def _with_id(message: Message, source: str, subject: str) -> Message:
    """The message with an id of source, subject and revision, which is a hash of all that the message says."""
    kept = {field: value for field, value in message.items() if value is not None}
    revision = hashlib.sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()[:16]
    return kept | {"messageId": f"{source}:{subject}:{revision}"}


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")


def _or_problem(line: int, translate: Callable[[T, Import], R], rows: T, how: Import) -> R | Problem:
    try:
        return translate(rows, how)
    except (ValueError, OverflowError, RecursionError) as error:
        return Problem(line, str(error)[:200])
