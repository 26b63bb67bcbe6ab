"""The part of the port that lets old events go: how long each site keeps what, and the steps in which the rest leaves.

What enters: days. What leaves: nothing but what is older. A site that has set nothing keeps everything for good.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct


class Retention(Struct, frozen=True, kw_only=True):
    """Days for which a site keeps each kind; None: for good.

    `browsing`: all that is none of the others. `unknown`: browsing of visitors of whom nobody knows who they are.
    `orders`: what was said of orders, and what staff wrote. `consents`: the consent log, and answers about mailings.
    """

    site: str
    browsing: int | None = None
    unknown: int | None = None
    orders: int | None = None
    consents: int | None = None


KINDS = ("browsing", "unknown", "orders", "consents")


class Retentions(Protocol):
    """Settings, and the work of a day."""

    def retentions(self) -> list[Retention]:
        """Of the sites that have set any."""

    def put_retention(self, retention: Retention) -> None:
        """Raises NotFound."""

    def age(self, now: int) -> bool:
        """One small step of the day's work. True: there is more to do."""

    def survey_aged(self) -> Any:
        """When the day's work is done, for whoever does not hold up the writer: what of its words is used still."""

    def sweep_aged(self, survey: Any) -> None:
        """Takes out the words that are not; `survey` is what `survey_aged` found."""
