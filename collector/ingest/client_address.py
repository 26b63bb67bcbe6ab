"""Whose address a request comes from, where trusted proxies stand in front.

What enters: the peer's address and what X-Forwarded-For says. What leaves: one address. Only hops that a trusted
proxy has written are believed: the rightmost one that is not itself a trusted proxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from collector.errors import Misuse


class Networks:
    """A few networks, and whether an address lies in one of them."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [_network(text) for text in networks]
        self._holds = lru_cache(4096)(self._look_up)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def hold(self, address: str) -> bool:
        return bool(self._networks) and self._holds(address)

    def _look_up(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._networks)


NOWHERE = Networks()


class Proxies(Networks):
    """The networks whose word about the client is believed."""

    def trusts(self, address: str) -> bool:
        return self.hold(address)

    def client(self, peer: str, forwarded: str) -> str:
        """`forwarded` is X-Forwarded-For as received, its lines joined with commas."""
        client = peer
        for hop in reversed(forwarded.split(",")):
            if not self.trusts(client):
                return client
            address = _address(hop)
            if address is None:
                return client
            client = address
        return client


def checked_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks as they are kept, each once. Raises Misuse."""
    return tuple(dict.fromkeys(str(_network(text)) for text in texts))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise Misuse(f"{text!r} is neither an address nor a network") from error


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _address(hop: str) -> str | None:
    """A hop's address without its port or brackets, or None where it names none."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    return hop if _parse(hop) is not None else None
