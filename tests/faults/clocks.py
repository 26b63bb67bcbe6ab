"""A clock for tests that can be put forward and back while a process runs.

What enters: a file to keep the shift in. What leaves: the environment of a process whose time of day follows it (by
libfaketime); its monotonic clock goes on as it is.
"""

from __future__ import annotations

from pathlib import Path

from browsers.engines.process import found

LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"


def faketime() -> str:
    """Where the library is. The test fails where it is not installed."""
    return found(*map(str, Path("/").glob(LIBRARY.lstrip("/"))), "libfaketime.so.1")


class FalseClock:
    """Right, until it is put elsewhere."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.put("+0")
        self.environ = {
            "LD_PRELOAD": faketime(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def put(self, shift: str) -> None:
        """As far from the true time as this: `+10d`, `-1d`."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(shift)
        fresh.replace(self._file)
