"""What SQLite leaves of a row although it overwrites what it deletes: when it divides a page, it copies rows into the
new ones and may leave a copy in the old one's unused middle. `VACUUM` writes every page anew.

What enters: the file, bytes that must not be in it. What leaves: whether they are in the unused part of any page.
https://www.sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

_PAGES_A_STEP = 256
# A process that closes a file loses all its locks on it, those of its SQLite connections included: others would take
# the database for theirs alone, and its WAL away. So another process reads.
# https://www.sqlite.org/howtocorrupt.html, 2.2
_READ = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
_FILE_HEADER = 100
# Interior and leaf pages of indexes and tables, with the size of their headers.
_HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}


def remain(path: str, marks: Sequence[bytes], page_bytes: int) -> bool:
    """Whether one of the marks stands where no row is, as far as can be told; nothing may wait in the file's WAL."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", _READ, path], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        first, found = True, False
        while pages := reader.stdout.read(page_bytes * _PAGES_A_STEP):
            found = found or (any(mark in pages for mark in marks) and _in_unused(pages, marks, page_bytes, first))
            first = False
    return found or reader.returncode != 0


def _in_unused(pages: bytes, marks: Sequence[bytes], page_bytes: int, first: bool) -> bool:
    for at in range(0, len(pages), page_bytes):
        unused = _unused(pages[at : at + page_bytes], _FILE_HEADER if first and not at else 0)
        if any(mark in unused for mark in marks):
            return True
    return False


def _unused(page: bytes, at: int) -> bytes:
    """Between the list of a page's cells and the cells."""
    header = _HEADERS.get(page[at])
    if header is None:
        return b""
    cells = int.from_bytes(page[at + 3 : at + 5], "big")
    content = int.from_bytes(page[at + 5 : at + 7], "big") or 65_536
    return page[at + header + 2 * cells : content]
