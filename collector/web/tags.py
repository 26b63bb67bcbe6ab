"""The script tags that a shop pastes into its pages.

What enters: a site, and where browsers reach the collector. What leaves: HTML, as text to copy.
"""

from __future__ import annotations

from markupsafe import escape
from msgspec import Struct

from collector.event import Site


class Version(Struct, frozen=True):
    """One build: what stands in its name, and what a tag's `integrity` says for it."""

    hash: str
    integrity: str


def tag(site: Site, script: str) -> str:
    """The tag that always loads the present snippet; `script` is its address without `.js`."""
    return f'<script async src="{script}.js" data-key="{site.write_key}"></script>'


def pinned_tag(site: Site, script: str, version: Version, cookie_domain: str = "") -> str:
    """The tag of one version; a browser runs it only where the script is byte for byte the one that was shown here.

    That script holds no site's settings, so the tag says what `/f.js` would have known.
    """
    source = escape(f"{script}.{version.hash}.js")
    domain = f' data-cookie-domain="{escape(cookie_domain)}"' if cookie_domain else ""
    return (
        f'<script async src="{source}" integrity="{escape(version.integrity)}" crossorigin="anonymous" '
        f'data-key="{site.write_key}" data-consent="{site.consent.value}"{domain}></script>'
    )
