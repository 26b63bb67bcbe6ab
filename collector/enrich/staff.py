"""What the shop's own staff do in the shop is counted and not kept, where the site says from where they come."""

from __future__ import annotations

from collector.enrich.draft import Draft
from collector.event import Dropped


def drop_staff(draft: Draft) -> Dropped | None:
    """Drops a call under the public key from a network of the site's staff."""
    return Dropped.STAFF if draft.arrival.staff else None
