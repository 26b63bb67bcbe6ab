"""What the figures of a store and its collector mean: each a finding, with what to do about it.

What enters: read models, the moment, the numbers of `/metrics`. What leaves: findings in plain words. It asks nothing
itself and knows no database.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """`means` is one sentence; `do` another, '' where there is nothing to do."""

    check: str
    state: State
    means: str
    do: str = ""


def ok(check: str, means: str) -> Finding:
    return Finding(check, State.OK, means)


def warn(check: str, means: str, do: str) -> Finding:
    return Finding(check, State.WARN, means, do)


def fail(check: str, means: str, do: str) -> Finding:
    return Finding(check, State.FAIL, means, do)


def worst(findings: list[Finding]) -> State:
    """The state of the whole."""
    states = {finding.state for finding in findings}
    return next((state for state in (State.FAIL, State.WARN) if state in states), State.OK)
