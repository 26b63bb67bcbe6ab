"""messageIds in packed buckets: each that was taken in is found, none that was taken out, however they are divided."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from keeping import FIXTURES

from collector.store.sqlite.mids import BUCKET_BYTES_MAX, ENTRY_BYTES, SEQS, Mids, seqs
from collector.store.sqlite.store import SqliteStore

KEY = bytes(16)


@pytest.fixture
def conn() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    conn.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, mid)")
    conn.execute("CREATE TABLE mids (start INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT")
    return conn


def take_in(conn: sqlite3.Connection, mids: list[bytes], group: int, first: int = 1) -> None:
    numbered = list(enumerate(mids, start=first))
    conn.executemany("INSERT INTO events (seq, mid) VALUES (?, ?)", numbered)
    for at in range(0, len(mids), group):
        some = numbered[at : at + group]
        buckets = Mids(conn, KEY)
        looked = buckets.look(mid for _, mid in some)
        buckets.add(looked, [(place, seq) for place, (seq, _) in enumerate(some)])


def found(conn: sqlite3.Connection, mid: bytes, last: int) -> set[int]:
    return set(seqs(Mids(conn, KEY).look([mid]), last))


@pytest.mark.parametrize("group", [1, 32, 40_000])
def test_what_was_taken_in_is_found_and_what_was_taken_out_is_not(conn: sqlite3.Connection, group: int) -> None:
    random = Random(group)
    mids = [random.randbytes(16) for _ in range(40_000 if group > 1 else 2_000)]
    take_in(conn, mids, group)
    last = len(mids)
    tried = random.sample(range(last), 500)
    assert all(at + 1 in found(conn, mids[at], last) for at in tried)
    assert sum(len(found(conn, random.randbytes(16), last)) for _ in range(500)) <= 1
    Mids(conn, KEY).take_out(json.dumps([at + 1 for at in tried]))
    assert not any(at + 1 in found(conn, mids[at], last) for at in tried)
    left = sorted(set(range(last)) - set(tried))
    assert all(at + 1 in found(conn, mids[at], last) for at in random.sample(left, 500))


def test_a_bucket_stays_small_and_hashes_that_are_all_alike_stay_together(conn: sqlite3.Connection) -> None:
    random = Random(7)
    take_in(conn, [random.randbytes(16) for _ in range(40_000)], 32)
    assert conn.execute("SELECT max(length(entries)) <= ? FROM mids", (BUCKET_BYTES_MAX,)).fetchone() == (1,)
    take_in(conn, [b"alike"] * 3_000, 1_000, first=40_001)
    assert found(conn, b"alike", 43_000) >= set(range(40_001, 43_001))
    longest = conn.execute("SELECT max(length(entries)) FROM mids").fetchone()[0]
    assert longest < 3_000 * ENTRY_BYTES + BUCKET_BYTES_MAX


def test_numbers_that_no_longer_fit_in_an_entry_are_found_too(conn: sqlite3.Connection) -> None:
    for seq in (SEQS - 1, SEQS, SEQS + 1, 5 * SEQS, 5 * SEQS + 7):
        mid = seq.to_bytes(16, "big")
        take_in(conn, [mid], 1, first=seq)
        assert seq in found(conn, mid, 6 * SEQS)
        assert all(each % SEQS == seq % SEQS for each in found(conn, mid, 6 * SEQS))


@pytest.mark.parametrize("kept", sorted(path.name for path in FIXTURES.glob("schema-*.db.gz")))
def test_an_upgrade_loses_none(tmp_path: Path, kept: str) -> None:
    db = tmp_path / "footfall.db"
    db.write_bytes(gzip.decompress((FIXTURES / kept).read_bytes()))
    SqliteStore.open(str(db), create=False).close()
    with closing(sqlite3.connect(db)) as conn:
        (key,) = conn.execute("SELECT value FROM meta WHERE key = 'mid_key'").fetchone()
        events = conn.execute("SELECT seq, mid FROM events").fetchall()
        looked = Mids(conn, key).look(mid for _, mid in events)
        assert {seq for seq, _ in events} <= set(seqs(looked, events[-1][0]))
        entries = conn.execute("SELECT sum(length(rtrim(hex(entries), '0')) + 11) / 12 FROM mids").fetchone()[0]
        assert events and entries <= len(events) + conn.execute("SELECT count(*) FROM mids").fetchone()[0]
