"""An analyst with the exports alone: keeps copies by applying increments, and joins them as the docs say.

What enters: rows of exports as dicts. What leaves: whose each event is, and its visit. It knows no SQL and no rule.
"""

from __future__ import annotations

import json
from typing import Any

from collector.store import ExportQuery
from collector.store.datasets import DATASETS, Kind, columns
from collector.store.sqlite.store import SqliteStore

Row = dict[str, Any]
NO_VISIT = ("Order Refunded", "Order Cancelled")


def rows_of(store: SqliteStore, name: str, **query: Any) -> tuple[list[Row], str]:
    """All rows of one export, and its cursor."""
    export = store.export(name, ExportQuery(**query))
    names = [column.name for column in columns(DATASETS[name], resolve=query.get("resolve", False))]
    return [dict(zip(names, row, strict=True)) for batch in export.batches for row in batch], export.next


class Analyst:
    """Copies of every dataset, brought up to date by `since`."""

    def __init__(self) -> None:
        self.copies: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in DATASETS}
        self._cursors: dict[str, str] = {}

    def take(self, store: SqliteStore) -> None:
        """Apply what is new in every dataset."""
        for name, dataset in DATASETS.items():
            rows, self._cursors[name] = rows_of(store, name, since=self._cursors.get(name))
            for row in rows:
                key = tuple(row[column] for column in dataset.primary_key)
                if row.get("deleted"):
                    self.copies[name].pop(key, None)
                else:
                    assert dataset.kind is Kind.FEED or key not in self.copies[name], "an append-only row came twice"
                    self.copies[name][key] = row

    def customer_of(self, event: Row) -> str | None:
        """The join of docs/exports.md."""
        if event["visitor"] is not None:
            place = _place(event)
            for span in self._of("identities", visitor=event["visitor"]):
                to = span["to_time"], span["to_id"]
                if (span["from_time"], span["from_id"]) <= place and (to[0] is None or place < to):
                    return str(span["customer"])
            return None
        if event["user_id"] is None and event["email"] is None:
            about = json.loads(event["properties"]).get("order_id")
            return next((o["customer"] for o in self._of("orders", site=event["site"], order_id=str(about))), None)
        named = ("user", event["space"], event["user_id"]) if event["user_id"] else ("email", "", event["email"])
        for customer in self.copies["customers"].values():
            if named in [(i["kind"], i.get("space", ""), i["value"]) for i in json.loads(customer["ids"])]:
                return str(customer["customer"])
        return None

    def visit_of(self, event: Row) -> str | None:
        if event["staff"] or event["name"] in NO_VISIT or event["name"].startswith("Email "):
            return None
        begun = [visit for visit in self._of("visits", visitor=event["visitor"]) if _start(visit) <= _place(event)]
        last = max(begun, key=_start, default=None)
        return str(last["visit"]) if last is not None and event["time"] <= last["to_time"] else None

    def _of(self, name: str, **wanted: Any) -> list[Row]:
        return [row for row in self.copies[name].values() if all(row[key] == wanted[key] for key in wanted)]


def _start(visit: Row) -> tuple[int, str]:
    return visit["from_time"], visit["visit"]


def _place(event: Row) -> tuple[int, str]:
    return event["time"], event["id"]
