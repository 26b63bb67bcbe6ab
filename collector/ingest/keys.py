"""What each key opens, held in memory: a site, the trust of its calls, and the pages that may use it.

What enters: the sites, whenever they may have changed. What leaves: a `Gate` for a key, or none.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

from collector.event import Site
from collector.ingest.client_address import NOWHERE, Networks
from collector.ingest.origins import Origins

LOOK_AGAIN_S = 0.1
ALPHABET = string.ascii_letters + string.digits


class Gate(Struct, frozen=True):
    """What one key opens. `server`: it is the secret key. `staff`: networks whose calls are not kept."""

    site: Site
    server: bool
    origins: Origins
    staff: Networks = NOWHERE


class Keyring:
    """The keys of all sites. `origins`: pages that may send under any site's public key, besides its own list.

    A key that is not known is looked for again by `read`, seldom enough that guessing costs nothing: the command line
    may have made it a moment ago.
    """

    def __init__(
        self,
        origins: Sequence[str] = (),
        read: Callable[[], Iterable[Site]] = tuple,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock_s = clock_s
        self._read_at_s = -LOOK_AGAIN_S
        self._origins = tuple(origins)
        self._sites: list[Site] = []
        self._public: dict[str, Gate] = {}
        self._secret: dict[str, Gate] = {}

    def replace(self, sites: Iterable[Site]) -> None:
        """From now on these are the sites."""
        sites = list(sites)
        if sites == self._sites:
            return
        self._sites = sites
        gates = [(site, Origins({*site.origins, *self._origins})) for site in sites]
        self._public = {site.write_key: Gate(site, False, origins, Networks(site.staff)) for site, origins in gates}
        self._secret = {site.secret_key_hash: Gate(site, True, origins) for site, origins in gates}

    def find(self, key: str) -> Gate | None:
        """The gate that a key opens. A secret key is found by its hash, so that timing tells nothing of the key."""
        gate = self._public.get(key) or self._secret.get(secret_hash(key))
        if gate is None and self._clock_s() - self._read_at_s >= LOOK_AGAIN_S:
            self._read_at_s = self._clock_s()
            self.replace(self._read())
            gate = self._public.get(key) or self._secret.get(secret_hash(key))
        return gate

    def find_public(self, key: str) -> Gate | None:
        return self._public.get(key)

    def any_allows(self, origin: str) -> bool:
        """Whether pages of this origin may send to some site: all that can be known before a key is read."""
        return any(gate.origins.allow(origin) for gate in self._public.values())


def secret_hash(secret: str) -> str:
    """How secrets are kept: SHA-256 in hex. They are random and long, so need no salt and no slow hash."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(prefix: str) -> str:
    """A key of 190 random bits that needs no quoting anywhere."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(32))
