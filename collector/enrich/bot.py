"""Crawlers are counted and not stored as visitors. Judged under the public key alone, from the request's User-Agent."""

from __future__ import annotations

from collector.enrich.draft import Draft
from collector.enrich.user_agent import read
from collector.event import Dropped


def drop_bot(draft: Draft) -> Dropped | None:
    """Drops a crawler's call. HTTP libraries and headless browsers are no crawlers, and no User-Agent is no proof."""
    arrival = draft.arrival
    if not arrival.server and read(arrival.user_agent).crawler:
        return Dropped.BOT
    return None
