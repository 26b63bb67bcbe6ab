"""docs/data-dictionary.md as the data dictionary would have it; `python tests/dictionary_text.py` writes it."""

from __future__ import annotations

from pathlib import Path

from collector.store.datasets import DATASETS, MAILING, RESOLVED, Column, Dataset

DOCUMENT = Path(__file__).parents[1] / "docs" / "data-dictionary.md"

INTRODUCTION = """# Data dictionary

Every dataset that can be exported, with `footfall export DATASET` or `GET /api/export/DATASET`. The SQL views
`v_events`, `v_visits` and so on have the same columns. How to use them: [exports.md](exports.md).

| type | CSV | JSON Lines | Parquet | SQL view |
| --- | --- | --- | --- | --- |
| text | text | string | string | text |
| int | digits | number | int64 | integer |
| time | ISO 8601, UTC, ms: `2026-05-01T08:00:00.007Z` | the same | timestamp(ms, UTC) | as CSV |
| bool | `true`, `false` | boolean | bool | 1, 0 |
| json | JSON text | JSON | JSON text | JSON text |
| decimal | exact decimal text: `12.50` | string | string | text |

Null is an empty cell in CSV. Text that is not known is empty, not null, unless the column says otherwise.
"""
RESOLVED_INTRODUCTION = "With `resolve=1`, and in the view `v_events_resolved`:"

MAILING_INTRODUCTION = "With `mailing=TOPIC` (`--mailing`): a row for each address that has said yes, or for every one."


def text() -> str:
    """The whole document."""
    resolved = f"## events, resolved\n\n{RESOLVED_INTRODUCTION}\n\n{_table(RESOLVED)}\n"
    mailing = f"## customers, for a mailing\n\n{MAILING_INTRODUCTION}\n\n{_table(MAILING)}\n"
    return "\n".join([INTRODUCTION, *map(_section, DATASETS.values()), resolved, mailing])


def _section(of: Dataset) -> str:
    growth = "Append-only" if of.kind == "append" else "Change feed"
    key = ", ".join(f"`{name}`" for name in of.primary_key)
    narrowed = "" if of.by_site else " `site` does not narrow it: people and devices are shared by all sites."
    about = f"{growth}; primary key {key}; cursor `{of.cursor}`; `from` and `to` look at {of.timed}.{narrowed}"
    return f"## {of.name}\n\n{of.doc}\n\n*{about}*\n\n{_table(of.columns)}\n"


def _table(columns: tuple[Column, ...]) -> str:
    rows = [f"| `{each.name}` | {each.type}{' or null' if each.nullable else ''} | {each.doc} |" for each in columns]
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
