"""How somebody came to the shop, in a few words for a narrow column.

What enters: the channel, referrer and campaign of a visit. What leaves: text. Where it came from is tracked data.
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
