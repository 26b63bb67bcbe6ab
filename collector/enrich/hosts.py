"""Hosts and the names that campaigns give them: which channel a known one stands for, and whether two are one shop.

The list is data (`lists/channels.json`, its README says where it comes from). It fetches nothing and never asks DNS.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import msgspec

from collector.enrich.channel import Channel

_CACHED_MAX = 4096

_HOST = re.compile(r"\s*(?:https?|android-app|ios-app)://(?:[^/?#@\\]*@)?(\[[^\]/?#]*\]|[^/?#:@\\\s]+)", re.IGNORECASE)
# A shop's own front doors. Other sub-domains of a page's host count too, but a sibling may be another shop's.
_FRONT = re.compile(r"(?:www\d?|m|mobile|shop|store|checkout)\.(?=[^.]+\.)")
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "ac", "edu", "gov", "ne", "or"})


class _Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hosts: dict[Channel, list[str]]
    names: dict[Channel, list[str]]


_LISTED = msgspec.json.decode((Path(__file__).parent / "lists" / "channels.json").read_bytes(), type=_Listed)
_BY_HOST = {host: channel for channel, hosts in _LISTED.hosts.items() for host in hosts}
_BY_NAME = {name: channel for channel, names in _LISTED.names.items() for name in names}


def host_of(url: str) -> str:
    """The host of a web address (or the app of an android-app: one) in lower case; '' when there is none."""
    found = _HOST.match(url)
    return found[1].lower().rstrip(".") if found else ""


@lru_cache(_CACHED_MAX)
def channel_of_host(host: str) -> Channel | None:
    """The channel of the longest listed suffix of `host`; 'google.*' stands for google under any country's ending."""
    labels = host.split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    brand = labels[: -2 if country else -1]
    for start in range(len(labels)):
        suffix = ".".join(labels[start:])
        anywhere = ".".join([*brand[start:], "*"])
        channel = _BY_HOST.get(suffix) or (_BY_HOST.get(anywhere) if start < len(brand) else None)
        if channel:
            return channel
    return None


@lru_cache(_CACHED_MAX)
def channel_of_source(source: str) -> Channel | None:
    """The channel of a campaign's source: a listed name ('instagram') or host ('chatgpt.com')."""
    named = source.strip().lower()
    return _BY_NAME.get(named) or (channel_of_host(named) if "." in named else None)


def same_shop(host: str, page_host: str) -> bool:
    """Whether a referrer's `host` is the page's, a sub-domain of it, or another front door (www., m., shop.) of it."""
    bare = page_host.removeprefix("www.")
    if not bare:
        return False
    return host == bare or host.endswith("." + bare) or _behind_front(host) == _behind_front(page_host)


def _behind_front(host: str) -> str:
    front = _FRONT.match(host)
    return host[front.end() :] if front else host
