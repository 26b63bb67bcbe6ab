"""The network that a call came from. A full address enters and never leaves: it is shortened past any one household."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from collector.enrich.draft import Draft


def shorten_address(draft: Draft) -> None:
    """Fills in the network: of the peer under the public key; under the secret key, where the peer is the shop's
    server, of the address that the call names, if any.
    """
    address = draft.call.ip if draft.arrival.server else draft.arrival.address
    draft.network = network(address) if address else ""


@lru_cache(4096)
def network(address: str) -> str:
    """The first address of its /24 (IPv4, also when mapped into IPv6) or /48 (IPv6); '' when it is no address."""
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return str(IPv4Address(int(parsed) >> 8 << 8))
    return str(IPv6Address(int(parsed) >> 80 << 80))
