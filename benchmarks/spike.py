"""Storage spike: fills one SQLite layout of the event log with the event mix and measures it.

Enters: a number of events and the name of a layout (`LAYOUTS`). Leaves: one table row on stdout and one JSON line in
the results file: bytes an event, insert rates, look-up times, the cost of a duplicate check, dump rate.
    python -m benchmarks.spike --events 10000000 --layout dict32
"""

import argparse
import json
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

from benchmarks import mix
from benchmarks.layouts import CLUSTERED, LAYOUTS, VISITS, WIDE, Filler, Layout, mid_hash

GROUP, GROUPED, BULK, BULK_CHUNK, WAL_ONLY = 32, 50_000, 200_000, 50_000, 6_400


def train(sample: list[mix.Event]) -> Callable[[bytes], bytes]:
    texts: list[Any] = [e.properties.encode() for e in sample if e.properties != "{}"]
    dictionary = zstandard.train_dictionary(16_384, texts)
    params = zstandard.ZstdCompressionParameters.from_level(3, write_content_size=False, write_dict_id=False)
    return zstandard.ZstdCompressor(dict_data=dictionary, compression_params=params).compress


def connect(path: Path, cache_mb: int, *pragmas: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in (*pragmas, f"cache_size = {-cache_mb * 1024}"):
        db.execute(f"PRAGMA {pragma}")
    return db


def clock(task: Callable[[], Any]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def spread_us(db: sqlite3.Connection, sql: str, keys: list[Any]) -> tuple[float, float]:
    """Median and 99th percentile of one look-up, its rows fetched, in microseconds; the first round warms."""
    for key in keys:
        db.execute(sql, (key,)).fetchall()
    took = sorted(clock(lambda key=key: db.execute(sql, (key,)).fetchall()) * 1e6 for key in keys)  # type: ignore[misc]
    return round(took[len(took) // 2]), round(took[len(took) * 99 // 100])


def cold_us(path: Path, sql: str, keys: list[Any]) -> float:
    """Median look-up with the file dropped from the page cache before each, the connection and schema warm."""
    took = []
    with path.open("rb") as file:
        for key in keys:
            db = connect(path, 64)
            db.execute(sql, (None,)).fetchall()
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            took.append(clock(lambda: db.execute(sql, (key,)).fetchall()) * 1e6)  # noqa: B023
            db.close()
    return round(sorted(took)[len(took) // 2])


def transactions(db: sqlite3.Connection, filler: Filler, events: list[mix.Event], size: int) -> list[float]:
    took = []
    for at in range(0, len(events), size):
        start = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        filler.add(events[at : at + size], check=True)
        db.execute("COMMIT")
        took.append(time.perf_counter() - start)
    return took


def grow(path: Path, name: str, count: int, page_size: int, events: Iterator[mix.Event]) -> Filler:
    """The first part of the log: every index live, in commit order, but without journal or fsync to save time."""
    db = connect(path, 1500, f"page_size = {page_size}", "journal_mode = OFF", "synchronous = OFF")
    filler = Filler(db, LAYOUTS[name])
    db.executescript(filler.layout.schema)
    chunk = list(islice(events, min(count, BULK_CHUNK)))
    if name == "zstd":
        filler.compress = train(chunk)
    while chunk:
        db.execute("BEGIN")
        filler.add(chunk, check=False)
        db.execute("COMMIT")
        chunk = list(islice(events, min(count - filler.seq, BULK_CHUNK)))
    db.close()
    return filler


def write(path: Path, filler: Filler, events: Iterator[mix.Event]) -> dict[str, Any]:
    """The last part as a collector writes it: WAL, fsync at each commit, duplicates checked."""
    bulk, grouped, wal_only = (list(islice(events, n)) for n in (BULK, GROUPED, WAL_ONLY))
    db = filler.db = connect(path, 64, "journal_mode = WAL", "synchronous = FULL")
    filler.ids.pop("visitors", None)
    bulk_s = sum(transactions(db, filler, bulk, BULK_CHUNK))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler.ids.pop("visitors", None)
    took = sorted(transactions(db, filler, grouped, GROUP))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    transactions(db, filler, wal_only, GROUP)
    wal_bytes = path.with_name(path.name + "-wal").stat().st_size
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    result = {
        "bulk_rate": round(BULK / bulk_s),
        "group_rate": round(GROUPED / sum(took)),
        "group_p50_ms": round(took[len(took) // 2] * 1e3, 2),
        "group_p99_ms": round(took[len(took) * 99 // 100] * 1e3, 2),
        "wal_bytes_an_event": round(wal_bytes / WAL_ONLY),
        **check(db, filler),
    }
    db.close()
    return result


def check(db: sqlite3.Connection, filler: Filler) -> dict[str, float]:
    """Microseconds to ask for a messageId that is known, and for one that is not; 20,000 of each, warm."""
    layout, draw = filler.layout, random.Random(1)
    columns = "site, kind, message_id" if layout is WIDE else "mid, site, secret"
    pick = f"SELECT {columns} FROM events WHERE seq = ?"
    rows = [db.execute(pick, (draw.randrange(1, filler.seq),)).fetchone() for _ in range(20_000)]
    known = [(mid_hash(row[0]), *row) if "hash" in layout.known else row for row in rows]
    fresh = [filler.key(event) for event in mix.events(20_000, mix.MIX | {"seed": 1})]
    draw.shuffle(fresh)
    result = {}
    for name, keys in (("known_us", known), ("fresh_us", fresh)):
        for _ in range(2):
            seconds = clock(lambda keys=keys: [db.execute(layout.known, key).fetchone() for key in keys])  # type: ignore[misc]
        result[name] = round(seconds * 1e6 / len(keys), 1)
    return result


def read(path: Path, layout: Layout, count: int) -> dict[str, Any]:
    db = connect(path, 64, "query_only = 1")
    column = "visitor" if layout is WIDE else "subject"
    index = "" if layout is CLUSTERED else "INDEXED BY events_subject"
    anyone = [row[0] for row in db.execute(f"SELECT DISTINCT {column} FROM events {index} ORDER BY 1")]
    random.Random(1).shuffle(anyone)
    heavy_sql = f"SELECT {column} FROM events {index} WHERE {column} IS NOT NULL GROUP BY 1 HAVING count(*) >= 100"
    heavy = [row[0] for row in db.execute(heavy_sql)]
    random.Random(2).shuffle(heavy)
    result: dict[str, Any] = {"visitors": len(anyone), "heavy": len(heavy)}
    result["anyone_p50_us"], result["anyone_p99_us"] = spread_us(db, layout.newest, anyone[:2000])
    result["heavy_p50_us"], result["heavy_p99_us"] = spread_us(db, layout.newest, heavy[:2000])
    result["cold_anyone_us"] = cold_us(path, layout.newest, anyone[2000:2100])
    result["cold_heavy_us"] = cold_us(path, layout.newest, heavy[-60:])
    rows = min(2_000_000, count // 2)
    cursor = db.execute(layout.dump + f" LIMIT {rows}", (count // 3,))
    result["dump_rate"] = round(rows / clock(lambda: [None for _ in iter(lambda: cursor.fetchmany(1000), [])]))
    page_size = db.execute("PRAGMA page_size").fetchone()[0]
    # Pages, not pgsize: that sum wraps at 4 GiB.
    sizes = db.execute("SELECT name, pageno * ? / ? FROM dbstat WHERE aggregate = TRUE", (page_size, float(count)))
    result["parts"] = {name: round(size, 2) for name, size in sizes if size > 0.05}
    db.close()
    return result


def add_visits(path: Path, count: int) -> float:
    """Fills it as it would grow: insert at a visit's first event, `rev` moved at its last. In bytes an event."""
    db = connect(path, 1500, "journal_mode = OFF", "synchronous = OFF")
    before, visit, changes = path.stat().st_size, [0, 0, 0, 0, 0, 0], []
    log = db.execute("SELECT subject, time, seq FROM events WHERE subject > 0 ORDER BY 1, 2, 3")
    for visitor, at, seq in log:
        if visitor != visit[0] or at - visit[3] >= 1_800_000:
            visit = [visitor, at, seq, at, 0, seq]
            changes.append((seq, visit, True))
        elif visit[4] == 1:
            changes.append((0, visit, False))
        visit[3], visit[4], visit[5] = at, visit[4] + 1, max(seq, visit[5])
    changes = [(seq or visit[5], visit, new) for seq, visit, new in changes]
    changes.sort(key=lambda change: change[0])
    db.executescript(VISITS + "BEGIN")
    for seq, visit, new in changes:
        if new:
            db.execute("INSERT INTO visits VALUES (?,?,?,?,1,?)", (*visit[:3], visit[1], seq))
        else:
            change = "UPDATE visits SET last_time=?, events=?, rev=? WHERE visitor=? AND first_time=? AND first_seq=?"
            db.execute(change, (*visit[3:], *visit[:3]))
    db.execute("COMMIT")
    print("visits:", db.execute("SELECT count(*), avg(events) FROM visits").fetchone())
    db.close()
    return round((path.stat().st_size - before) / count, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="at least 400,000")
    parser.add_argument("--layout", choices=LAYOUTS, required=True)
    parser.add_argument("--page-size", type=int, default=4096)
    parser.add_argument("--visits", action="store_true", help="measure the visits projection as well")
    parser.add_argument("--results", type=Path, default=Path("/tmp/layouts.jsonl"))
    args = parser.parse_args()
    path = Path(f"/tmp/layouts-{args.layout}.db")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
    started = time.perf_counter()
    result = {"layout": args.layout, "events": args.events, "page_size": args.page_size}
    events = mix.events(args.events)
    filler = grow(path, args.layout, args.events - BULK - GROUPED - WAL_ONLY, args.page_size, events)
    result["fill_rate"] = round(filler.seq / (time.perf_counter() - started))
    result |= write(path, filler, events)
    result["bytes"] = round(path.stat().st_size / args.events, 1)
    result |= read(path, LAYOUTS[args.layout], args.events)
    if args.visits:
        result["visits_bytes"] = add_visits(path, args.events)
    db = connect(path, 1500, "journal_mode = OFF", "synchronous = OFF")
    db.execute("DROP TABLE IF EXISTS visits")
    result["vacuum_s"] = round(clock(lambda: db.execute("VACUUM")), 1)
    db.close()
    result["bytes_vacuumed"] = round(path.stat().st_size / args.events, 1)
    path.unlink()
    result["seconds"] = round(time.perf_counter() - started)
    with args.results.open("a") as file:
        file.write(json.dumps(result) + "\n")
    shown = {key: value for key, value in result.items() if key != "parts"}
    print("| " + " | ".join(shown) + " |", "| " + " | ".join(map(str, shown.values())) + " |", sep="\n")


if __name__ == "__main__":
    main()
