"""Tables for people on stdout.

What enters: columns and rows of text. What leaves: lines. `footfall serve` prints none and loads
nothing of this.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.cli.plain import plain


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Cells are shown as text, never obeyed: no markup, no escape sequences."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
