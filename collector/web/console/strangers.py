"""What to call somebody whom nobody knows, and how that one came, in a few words for a narrow column.

What enters: a visitor's id; what its browser runs on; the channel, referrer and campaign of a visit. What leaves: text.
"""

from __future__ import annotations

from collector.store.prospects import Came
from collector.web.console.chronicle import campaign_name, host_of

CHANNELS = {
    "direct": "Direct",
    "search": "Search",
    "social": "Social media",
    "email": "Mailing",
    "paid": "Advertisement",
    "referral": "Other site",
    "ai": "AI assistant",
}


def came_by(came: Came) -> str:
    """`Search (google.com)`, `Mailing: may-sale (newsletter, email)`; '' where nothing is known."""
    parts = {part: getattr(came.campaign, part) for part in ("name", "source", "medium")}
    campaign, host = campaign_name(parts), host_of(came.referrer)
    channel = CHANNELS.get(came.channel, "")
    if campaign:
        return f"{channel}: {campaign}" if channel else campaign
    if came.channel == "internal" or not host:
        return channel
    return f"{channel} ({host})" if channel else host


def called(visitor: str) -> str:
    """`Visitor 9a8057`. By the end of its id: ids that begin with the time begin alike."""
    return f"Visitor {visitor[-6:]}"


def runs_on(device: str, browser: str, os: str) -> str:
    """`Firefox on Windows`, else the kind of device, else ''."""
    return " on ".join(part for part in (browser, os) if part) or device.capitalize()
