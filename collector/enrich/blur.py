"""Of a nameless visitor's addresses: without what looks like somebody's, as the snippet leaves it out for everybody.

The last step: what a click id says of the channel has been read by now.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from collector.enrich.draft import Draft

# As in snippet/src/address.js: by the parameter's name, or by what it holds.
_PRIVATE = re.compile(r"(mail|phone|token|passw|secret|session|oauth|jwt).*=|@|=[\w.~+/=-]{40}", re.IGNORECASE)
_CLICK = re.compile(r"clid=|^([gw]braid|li_fat_id|rdt_cid|ScCid|epik|igsh(id)?|tblci)=")


def blur_addresses(draft: Draft) -> None:
    """Takes personal parameters out of the page's and the referrer's address; of a click id leaves the name."""
    if not draft.nameless:
        return
    draft.url, draft.referrer = blurred(draft.url), blurred(draft.referrer)
    name, _, value = draft.campaign.click_id.partition(":")
    if value:
        draft.campaign = replace(draft.campaign, click_id=f"{name}:")


def blurred(url: str) -> str:
    """The address without its fragment and its personal parameters; '' where it cannot be read."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="replace")
        if not _PRIVATE.search(f"{name}={value}") and not _CLICK.search(f"{name}=")
    ]
    path = "" if "@" in parts.path else parts.path
    return urlunsplit((parts.scheme, host, path, urlencode(kept), ""))
