"""Exports need the same memory for many rows as for few, in every format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, make_site

from collector.store.sqlite.connection import connect
from collector.store.sqlite.store import SqliteStore

FEW, MANY = 20_000, 80_000
# What an export that kept its rows would grow by is 50 MB and more.
GROWTH_MB_MAX = 33

FILL = f"""
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {MANY})
INSERT INTO events (place, subject, time, arrival, name, mid, properties)
SELECT 1, 1, 1777622400000 + n, 2, 1, randomblob(16), '{{"text":"' || hex(randomblob(400)) || '"}}' FROM counted
"""
CHILD = """
import resource, sys
from collector.store import ExportQuery
from collector.store.datasets import DATASETS
from collector.store.sqlite.exporting import export
from collector.web.formats import file_format
path, suffix, since = sys.argv[1:]
batches = export(path, "events", ExportQuery(since=since)).batches
for chunk in file_format(suffix).render(DATASETS["events"].columns, batches):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("memory") / "footfall.db"
    store = SqliteStore.open(str(path))
    store.put_site(make_site())
    store.close()
    conn = connect(str(path), create=False)
    conn.execute("PRAGMA synchronous = OFF")
    conn.execute("INSERT INTO visitors (visitor) VALUES ('phone')")
    conn.execute("INSERT INTO names (type, name) VALUES ('track', 'Product Viewed')")
    conn.execute(FILL)
    conn.close()
    return path


def peak_mb(db: Path, suffix: str, rows: int) -> int:
    command = [sys.executable, "-c", CHILD, str(db), suffix, str(MANY - rows)]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_four_times_the_rows_need_no_more_memory(db: Path, suffix: str) -> None:
    few, many = peak_mb(db, suffix, FEW), peak_mb(db, suffix, MANY)
    assert many - few < GROWTH_MB_MAX, (few, many)
