"""Sites as staff make and change them, from the command line or the console: names, rules and keys, checked.

What enters: what somebody typed. What leaves: a site to be kept, with its secret key while it is still known.
It knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from collector.errors import Misuse
from collector.event import Site
from collector.ingest.keys import new_key, secret_hash
from collector.ingest.origins import listed_origin

NAME_MAX = 64
KEYS = {"write": "wk", "secret": "sk", "identity": "ik"}


def new_site(name: str, **rules: Any) -> tuple[Site, str]:
    """A site with fresh keys, and its secret key, of which only the hash is in the site. `rules` are checked ones."""
    secret = new_key(KEYS["secret"])
    site = Site(
        name=name,
        write_key=new_key(KEYS["write"]),
        secret_key_hash=secret_hash(secret),
        identity_key=new_key(KEYS["identity"]),
        **rules,
    )
    return site, secret


def rotated(site: Site, which: str) -> tuple[Site, str]:
    """The site with one of KEYS made anew, and that key."""
    key = new_key(KEYS[which])
    field, kept = ("secret_key_hash", secret_hash(key)) if which == "secret" else (f"{which}_key", key)
    return replace(site, **{field: kept}), key


def checked_name(text: str) -> str:
    """A name for a site or a token. Raises Misuse."""
    if not text.strip() or text != text.strip() or len(text) > NAME_MAX or not text.isprintable():
        raise Misuse(f"a name has 1 to {NAME_MAX} printable characters and no space around it")
    return text


def checked_origins(texts: Iterable[str]) -> tuple[str, ...]:
    """Origins as they are kept, each once. Raises Misuse."""
    return tuple(dict.fromkeys(listed_origin(text) for text in texts))


def checked_zone(text: str) -> str:
    """A time zone that this machine knows. Raises Misuse."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misuse(f"{text!r} is not a time zone; give it as Europe/Paris") from error
    return text
