"""What SQLite leaves of a row although it overwrites what it deletes: when it divides or joins pages it moves rows, and
the unused middle of a page may keep a copy. Here such middles are found, and written over where they lie.

What enters: a file. What leaves: numbers of pages; the same file with blanks there. It knows no table. A program of its
own does it: a process that closes a file loses its SQLite connections' locks on it.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence

# https://www.sqlite.org/howtocorrupt.html (2.2), https://www.sqlite.org/fileformat2.html#b_tree_pages
_PAGES_A_STEP = 256
_FILE_HEADER = 100
# Interior and leaf pages of indexes and tables, with the size of their headers. Whatever else is in use begins with a
# page's number of four bytes, which cannot look like one of these in a file of fewer pages than this.
_HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}
_PAGES_MAX = 2 << 24
_BUSY_MS_MAX = 2_000
_BUSY = "busy"
# It must change something: then all connections read anew what they remember of the file's pages.
_TELL_OTHERS = "INSERT OR REPLACE INTO meta (key, value) VALUES ('blanked', ?)"


def soiled(path: str) -> list[int] | None:
    """The pages whose middle is not blank, read through in little memory. None: not while somebody reads on."""
    found = _run("look", path)
    return None if found == _BUSY else [int(number) for number in found.split()]


def blank(path: str, pages: Sequence[int]) -> bool:
    """Write those middles over. False, and nothing done, while somebody reads on."""
    return _run("blank", path, *map(str, pages)) != _BUSY


def _run(*asked: str) -> str:
    command = [sys.executable, "-I", "-S", __file__, *asked[:2]]
    done = subprocess.run(command, input=" ".join(asked[2:]), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _look(file: int, page_bytes: int) -> Iterator[int]:
    at = 0
    while pages := os.pread(file, page_bytes * _PAGES_A_STEP, at):
        for start in range(0, len(pages) - page_bytes + 1, page_bytes):
            low, high = _middle(pages[start : start + page_bytes], at + start == 0)
            if pages.count(0, start + low, start + high) != high - low:
                yield (at + start) // page_bytes + 1
        at += len(pages)


def _middle(page: bytes, first: bool) -> tuple[int, int]:
    """Between the list of a page's cells and the cells; nothing where it is no such page."""
    at = _FILE_HEADER if first else 0
    header = _HEADERS.get(page[at])
    if header is None:
        return 0, 0
    low = at + header + 2 * int.from_bytes(page[at + 3 : at + 5], "big")
    high = int.from_bytes(page[at + 5 : at + 7], "big") or 65_536
    return (low, high) if low <= high <= len(page) else (0, 0)


def _blank(conn: sqlite3.Connection, path: str, file: int, page_bytes: int, pages: Iterable[int]) -> str:
    """With the lock of writers held and an empty WAL nobody else changes a byte of the file, not a checkpoint either.

    Whoever reads meanwhile reads no unused middle; a sudden end leaves it blank in part.
    """
    conn.execute("BEGIN IMMEDIATE")
    try:
        if os.path.getsize(f"{path}-wal"):
            return _BUSY
        for number in pages:
            place = (number - 1) * page_bytes
            low, high = _middle(os.pread(file, page_bytes, place), number == 1)
            os.pwrite(file, bytes(high - low), place + low)
        os.fsync(file)
        conn.execute(_TELL_OTHERS, (os.urandom(8).hex(),))
        conn.execute("COMMIT")
        return ""
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _main(asked: str, path: str) -> str:
    conn = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS_MAX / 1_000)
    settings = ("page_size", "page_count", "auto_vacuum", "journal_mode")
    page_bytes, pages, moves_pages, mode = (conn.execute(f"PRAGMA {one}").fetchone()[0] for one in settings)
    if moves_pages or mode != "wal" or pages >= _PAGES_MAX:
        return ""
    file = os.open(path, os.O_RDWR)  # left to the end of the process, for the sake of the locks
    try:
        if conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return _BUSY
        if asked == "look":
            return " ".join(map(str, _look(file, page_bytes)))
        return _blank(conn, path, file, page_bytes, map(int, sys.stdin.read().split()))
    except sqlite3.OperationalError:
        return _BUSY


if __name__ == "__main__":
    sys.stdout.write(_main(*sys.argv[1:]))
