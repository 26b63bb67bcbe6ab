"""How a visitor came: the campaign's words, the click id and the referring page enter, one channel leaves.

The order of the rules is Google Analytics 4's for its default channel groups, folded to our closed set
(https://support.google.com/analytics/answer/9756891): paid media first, then what the campaign says, then the referrer.
"""

from __future__ import annotations

import re
from functools import lru_cache

from collector.enrich.campaign import PAID_CLICK_IDS, SOCIAL_CLICK_IDS
from collector.enrich.channel import Channel
from collector.enrich.draft import NO_CAMPAIGN, Draft
from collector.enrich.hosts import channel_of_host, channel_of_source, host_of, same_shop
from collector.event import Campaign

_PAID = frozenset({
    "cpc", "ppc", "cpm", "cpv", "cpa", "cpl", "cpp", "cpe", "retargeting", "remarketing", "display", "banner",
    "expandable", "interstitial", "ad", "ads",
})  # fmt: skip
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail", "mail", "mailing", "newsletter"})
_SOCIAL = frozenset({
    "social", "social-network", "social-media", "sm", "social network", "social media", "social_media",
    "organic_social",
})  # fmt: skip
_UNSAID = frozenset({"", "(none)", "(not set)", "none", "direct", "(direct)"})
_WORD = re.compile(r"[a-z0-9]+")


def choose_channel(draft: Draft) -> None:
    """Fills in the channel; a server call that speaks of no page came by none."""
    call = draft.call
    if draft.arrival.server and not call.url and not call.referrer and draft.campaign is NO_CAMPAIGN:
        return
    draft.channel = channel(draft.campaign, call.referrer or "", call.url or "", draft.arrival.site.origins)


def channel(campaign: Campaign, referrer: str, url: str, origins: tuple[str, ...]) -> Channel:
    """The first that speaks of: the campaign's words, its click id, the referrer."""
    came = by_referrer(referrer, url, origins)
    if campaign is NO_CAMPAIGN:
        return came
    told = by_campaign(campaign.source, campaign.medium, campaign.click_id.partition(":")[0])
    if told:
        return told
    # A tagged link that nobody can place was still a link from somewhere: GA4 would say "unassigned".
    return Channel.REFERRAL if came in (Channel.DIRECT, Channel.INTERNAL) and _is_tagged(campaign) else came


@lru_cache(1024)
def by_campaign(source: str, medium: str, click: str) -> Channel | None:
    """What a campaign's source, medium and kind of click id say, or None. GA4 does not heed case."""
    source, medium = source.strip().lower(), medium.strip().lower()
    known = channel_of_source(source)
    if _is_paid(medium) or click in PAID_CLICK_IDS:
        return Channel.PAID
    if medium in _EMAIL or source in _EMAIL:
        return Channel.EMAIL
    if medium in _SOCIAL:
        return Channel.SOCIAL
    if known:
        return known
    if click in SOCIAL_CLICK_IDS:
        return Channel.SOCIAL
    if medium == "organic":
        return Channel.SEARCH
    return None if medium in _UNSAID else Channel.REFERRAL


def by_referrer(referrer: str, url: str, origins: tuple[str, ...]) -> Channel:
    """What the referring page alone says."""
    host = host_of(referrer) if referrer else ""
    if not host:
        return Channel.DIRECT
    if same_shop(host, host_of(url)) or _is_own(host, origins):
        return Channel.INTERNAL
    return channel_of_host(host) or Channel.REFERRAL


@lru_cache(4096)
def _is_own(host: str, origins: tuple[str, ...]) -> bool:
    return any(same_shop(host, host_of(origin)) for origin in origins)


def _is_paid(medium: str) -> bool:
    words = _WORD.findall(medium)
    return any(word in _PAID or word.startswith("paid") for word in words)


def _is_tagged(campaign: Campaign) -> bool:
    return bool(campaign.name or campaign.term or campaign.content or campaign.source.lower() not in _UNSAID)
