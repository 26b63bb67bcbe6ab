"""Everything held about a person, to be handed to that person: as JSON, or as a page to read and to print.

What enters: tables. What leaves: bytes of a file. The page stands alone: no script, no style, nothing to load.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from collector.store.datasets import Type
from collector.store.everything import Everything, Table
from collector.web.formats import render_jsonl
from collector.web.times import iso


def as_json(of: Everything) -> bytes:
    """One object: {"key", "made", TABLE: [{column: value}]}, values as in exports."""
    told: dict[str, Any] = {"key": of.key, "made": iso(of.made)}
    told |= {table.name: msgspec.Raw(_rows(table)) for table in of.tables}
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def as_page(of: Everything) -> bytes:
    """A whole HTML document."""
    shown = [(table, [_said(table, row) for row in table.rows]) for table in of.tables]
    page: str = _templates().get_template("everything.html").render(key=of.key, made=iso(of.made), tables=shown)
    return page.encode("utf-8", "replace")


def _rows(table: Table) -> bytes:
    lines = b"".join(render_jsonl(table.columns, [table.rows] if table.rows else []))
    return b"[" + b",".join(lines.splitlines()) + b"]"


def _said(table: Table, row: tuple[Any, ...]) -> list[tuple[str, str]]:
    """What a row says, without what it does not."""
    return [
        (column.name.replace("_", " "), iso(value) if column.type is Type.TIME else str(value))
        for column, value in zip(table.columns, row, strict=True)
        if value not in (None, "", 0) and not (column.type is Type.JSON and value in ("{}", "[]"))
    ]


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("collector.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
