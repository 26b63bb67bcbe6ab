"""Which campaign brought a visit: what the client read from the address, else the address's own utm_* parameters.

Only http(s) addresses are read, and a broken one says nothing. It does not judge what the words mean.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl

from collector.enrich.draft import NO_CAMPAIGN, Draft
from collector.event import Campaign

# Paid ones first: an address that carries two says more by the first of them.
PAID_CLICK_IDS = (
    "gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid", "rdt_cid", "ScCid",
    "epik", "obclid", "tblci",
)  # fmt: skip
SOCIAL_CLICK_IDS = ("fbclid", "igshid", "igsh")
_CLICK_IDS = PAID_CLICK_IDS + SOCIAL_CLICK_IDS

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_SEGMENT = ("source", "medium", "name", "term", "content")

_TELLING = re.compile(r"https?://[^#]*[?&](?:utm_|" + "|".join(_CLICK_IDS) + ")", re.IGNORECASE)


def read_campaign(draft: Draft) -> None:
    """Fills in the campaign; the click id is always the address's."""
    call = draft.call
    landing = campaign_of(call.url) if call.url else NO_CAMPAIGN
    if call.campaign:
        source, medium, name, term, content = (call.campaign.get(field, "").strip() for field in _SEGMENT)
        if source or medium or name or term or content:
            landing = Campaign(source, medium, name, term, content, landing.click_id)
    draft.campaign = landing


def campaign_of(url: str) -> Campaign:
    """What `url`'s query says: utm_* and the first click id that is known, as 'gclid:VALUE'."""
    return _parsed(url) if _TELLING.match(url) else NO_CAMPAIGN


@lru_cache(1024)
def _parsed(url: str) -> Campaign:
    query = url.partition("#")[0].partition("?")[2]
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, errors="replace"):
        given.setdefault(name, value.strip())
    click_id = next((f"{name}:{given[name]}" for name in _CLICK_IDS if given.get(name)), "")
    source, medium, name, term, content = (given.get(name, "") for name in _UTM)
    return Campaign(source, medium, name, term, content, click_id)
