"""The exceptions, drawn as a tree. A client's faults and policy are values (`event.Rejected`, `event.Dropped`).

FootfallError
├── Unavailable      cannot be safe now; the client should retry (503, Retry-After)
├── NotACall         a body that is no call at all (400)
├── BodyTooLarge     over the limit, also after inflating (413)
├── TooSlow          takes longer than whoever asked may wait, who then asks otherwise (never told)
└── Misuse           an operator's or a reader's request that makes no sense (400, exit code 2)
    └── NotFound     it names something that is not there (404, exit code 1)
"""

from __future__ import annotations


class FootfallError(Exception):
    """Every error that Footfall raises on purpose."""


class Unavailable(FootfallError):
    """Nothing was stored; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotACall(FootfallError):
    """The body is not JSON, or is JSON that holds no call. `code` is stable, for machines."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BodyTooLarge(FootfallError):
    """The body passes the limit of its path, counted after inflating."""


class TooSlow(FootfallError):
    """It was given up for the time that it takes; nothing is wrong with what was asked."""


class Misuse(FootfallError):
    """The request is well meant but cannot be answered as it stands."""


class NotFound(Misuse):
    """It names something that is not there."""
