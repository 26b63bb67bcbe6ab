"""docs/exports.md is run as it stands: its commands, its pandas and its SQL give what Footfall itself gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from analyst import rows_of
from conftest import ROOT
from shop import MORNING, a_busy_day, call

from collector.event import MINUTE_MS
from collector.store.sqlite.store import SqliteStore

EXPORTS = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", EXPORTS, re.DOTALL)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A shop in the current directory, with `footfall` on the path."""
    command = tmp_path / "bin" / "footfall"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m collector "$@"\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = a_busy_day(tmp_path / "footfall.db")
    yield made
    made.close()


def test_the_sql_says_whose_each_event_is(store: SqliteStore) -> None:
    subprocess.run(["sh", "-ec", blocks("sh")[0]], check=True)
    with duckdb.connect() as duck:
        duck.execute(blocks("sql")[0])
        whose = dict(duck.execute("SELECT seq, customer FROM whose").fetchall())
    assert whose == {row["seq"]: row["customer"] for row in rows_of(store, "events", resolve=True)[0]}
    assert len(set(whose.values())) > 4


def test_the_pandas_copy_stays_what_footfall_has(store: SqliteStore) -> None:
    pytest.importorskip("pandas")
    room: dict[str, Any] = {}
    exec(blocks("python")[0], room)
    store.append(
        [call("m40", "Signed In", 90, visitor="=guest", user="42"), call("m41", "page", -25, visitor="=guest")]
    )
    room["refresh"](room["copies"], room["cursors"])
    agree(store, room)
    assert "42" in set(room["copies"]["identities"].query("visitor == '=guest'")["customer"])
    store.erase("42", MORNING + 120 * MINUTE_MS)
    room["refresh"](room["copies"], room["cursors"])
    agree(store, room)
    assert "42" not in set(room["copies"]["customers"]["customer"])


def agree(store: SqliteStore, room: dict[str, Any]) -> None:
    for name, copy in room["copies"].items():
        keys = room["KEYS"][name]
        wanted = {tuple(row[key] for key in keys) for row in rows_of(store, name)[0]}
        assert set(copy[keys].itertuples(index=False, name=None)) == wanted, name
