"""What is known of a request that brought calls, beside the calls themselves.

The web room fills it in; the steps of this room read it. It holds no header's raw spelling but the User-Agent.
"""

from __future__ import annotations

from msgspec import Struct

from collector.event import ConsentMode, Site


class Arrival(Struct, frozen=True, kw_only=True):
    """One request: its site, its kind of key, and who seems to be at the other end.

    `server` means the secret key. `address` is the peer's, after --trusted-proxy was applied, '' when unknown.
    `salt` is the day's, for cookieless visitors. `staff`: it came from where the shop's own staff are.
    """

    site: Site
    server: bool
    address: str
    user_agent: str
    salt: bytes = b""
    staff: bool = False

    def __post_init__(self) -> None:
        # Without a salt the hash of a cookieless visitor could be turned back into an address by trying them all.
        if not self.salt and not self.server and self.site.consent == ConsentMode.COOKIELESS:
            raise ValueError("an arrival from a browser at a cookieless site needs the day's salt")
