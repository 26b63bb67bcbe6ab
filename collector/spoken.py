"""Numbers, sizes and spans of time as people say them.

What enters: numbers, bytes, milliseconds. What leaves: a few words.
"""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """1 event, 2,000 events; `many` where it is not `one` and an s."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def size(size_bytes: float) -> str:
    """812 KB, 1.6 GB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size_bytes < 1_024:
            return f"{size_bytes:.0f} {unit}" if size_bytes >= 10 or unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1_024
    return f"{size_bytes:.1f} TB"


def span(ms: int) -> str:
    """40 s, 25 min, 7 h, 3 days."""
    seconds = ms // 1_000
    for unit, length, below in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < below:
            return f"{seconds // length} {unit}"
    return f"{seconds // 86_400} days"
