"""Which addresses may be dialled: public ones, and what the operator opens in TOCSIN_ALLOW_NETWORKS.

The refused ranges are written out, from the IANA special-purpose registries (RFC 6890 and successors),
because `ipaddress.is_global` differs between Python versions and knows nothing of IPv4 addresses that
are embedded in IPv6. Addresses of cloud metadata services open only when listed one by one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from gateway.domain.errors import ConfigurationError
from gateway.security.egress.errors import BlockedAddress

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SETTING = "TOCSIN_ALLOW_NETWORKS"

REFUSED_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

GLOBAL_IPV6 = IPv6Network("2000::/3")
REFUSED_IPV6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
)
"""Link-local (most clouds), Alibaba, Oracle, Azure's wire server; AWS and Google by IPv6."""

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_FIRST_UNPRIVILEGED_PORT = 1024

_ENTRY = re.compile(
    r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<plain>[^/\[\]]+))(?:/(?P<prefix>[0-9]{1,3})(?::(?P<port>[0-9]{1,5}))?)?\Z"
)


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """A range that the operator opened; `port` None means every port."""

    network: Network
    port: int | None = None

    def covers(self, address: Address, port: int) -> bool:
        """True when this entry speaks of the address and the port."""
        return self.port in (None, port) and address in self.network

    @property
    def single(self) -> bool:
        """True when the entry is one address, not a range."""
        return self.network.prefixlen == self.network.max_prefixlen


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may be dialled. Without entries: public addresses only."""

    allowed: tuple[AllowedNetwork, ...] = ()

    @classmethod
    def parse(cls, text: str) -> EgressPolicy:
        """Read `10.0.0.0/8, 192.168.1.5/32:8080, [fd00::]/8:443`: CIDR or CIDR:port, separated by commas.

        Raises ConfigurationError that names the entry and the right spelling.
        """
        return cls(tuple(_entry(part.strip()) for part in text.split(",") if part.strip()))

    def check(self, address: str, port: int, services: Collection[int] = ()) -> str:
        """The spelling of the address to dial, if it may be dialled; BlockedAddress otherwise.

        Below port 1024 a public address may be dialled only on a port in `services`, so that a web hook
        cannot talk to somebody's SSH or mail server. What cannot be read as an address is refused.
        """
        parsed = _unmapped(address)
        if parsed is None:
            raise BlockedAddress(address, port, "", "not an address that can be checked")
        why = self._objection(parsed, port, services)
        if why:
            raise BlockedAddress(str(parsed), port, _line(parsed, port), why)
        return str(parsed)

    def _objection(self, address: Address, port: int, services: Collection[int]) -> str:
        covering = [entry for entry in self.allowed if entry.covers(address, port)]
        if any(entry.single for entry in covering):
            return ""
        if _is_metadata(address):
            return "a cloud metadata address"
        if covering:
            return ""
        if not _is_public(address):
            return "not a public address"
        if port < _FIRST_UNPRIVILEGED_PORT and port not in services:
            return f"port {port} is not one of {', '.join(map(str, sorted(services)))} or 1024 and above"
        return ""


def _unmapped(text: str) -> Address | None:
    """The address, IPv4-mapped ones as IPv4; None if it cannot be read or has a scope id."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return None
    return address.ipv4_mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not _within(address, REFUSED_IPV4)
    return address in GLOBAL_IPV6 and not _within(address, REFUSED_IPV6)


def _is_metadata(address: Address) -> bool:
    return _within(address, METADATA) or any(_within(inner, METADATA) for inner in _embedded(address))


def _embedded(address: Address) -> Iterable[IPv4Address]:
    """The IPv4 addresses that a translator or tunnel makes of it (RFC 6052, 4291, 3056, 4380)."""
    if isinstance(address, IPv4Address):
        return
    if address in _NAT64 or address in _COMPATIBLE:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _line(address: Address, port: int) -> str:
    if isinstance(address, IPv4Address):
        return f"{address}/32:{port}"
    return f"[{address}]/128:{port}"


def _entry(text: str) -> AllowedNetwork:
    parts = _ENTRY.match(text)
    if parts is None:
        raise _misspelt(text, "write 10.0.0.0/8, 192.168.1.5/32:8080 or [fd00::]/8:443")
    base = parts["v6"] or parts["plain"]
    network = _network(text, base, parts["prefix"])
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise _misspelt(text, "write an IPv4-mapped range as its IPv4 range")
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise _misspelt(text, "ports are 1 to 65535")
    return AllowedNetwork(network, port)


def _network(text: str, base: str, prefix: str | None) -> Network:
    spelling = base if prefix is None else f"{base}/{prefix}"
    try:
        return ipaddress.ip_network(spelling)
    except ValueError:
        pass
    try:
        whole = ipaddress.ip_network(spelling, strict=False)
    except ValueError:
        raise _misspelt(text, "it is no network; write 10.0.0.0/8 or [fd00::]/8, :port at the end") from None
    raise _misspelt(text, f"the range is {whole}; write that, or a single address with its full prefix")


def _misspelt(text: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"{SETTING}: {text[:100]!r}: {remedy}")
