"""URLs that the gateway may call: checked and normalised once, when they are configured.

The host is brought to one normal form, so that what is checked, dialled, named in `Host` and verified
in the certificate is the same thing. The path and the query stay byte for byte as written. Whether an
address may be dialled at all is decided at the socket, by `gateway.security.egress`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import lru_cache

from gateway.domain.errors import TocsinError

MAX_URL = 2048
"""Bytes."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

_SHAPE = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<target>[^#]*)\Z", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?\Z")
_NOT_IN_TARGETS = re.compile(r"[^!$-;=?-\[\]_a-z~]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_LIKE_A_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")


class InvalidUrl(TocsinError, ValueError):
    """The text is no URL that may be called; the message says why and what would be right, without
    repeating the URL, which may be a secret."""


@dataclass(frozen=True, slots=True)
class Url:
    """A checked http or https URL. `host` is in normal form (IPv6 without brackets), `target` is path and
    query exactly as written. `str()` and `repr()` hide the target: for many channels it is the secret."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    authority: str
    origin: tuple[str, str, int] = field(repr=False)

    @property
    def text(self) -> str:
        """The whole URL, normalised. Handle like a secret."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}/…" if self.target != "/" else self.text


@lru_cache(maxsize=4096)
def parse_url(text: str) -> Url:
    """Check and normalise a URL; repeated calls with the same text cost a dictionary lookup.

    http and https only; no userinfo, no fragment; at most 2,048 bytes; a host name in ASCII after IDNA,
    or an IP address in its usual spelling. Raises InvalidUrl.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_URL:
        raise InvalidUrl(f"the URL is longer than {MAX_URL} bytes")
    shape = _SHAPE.match(text)
    if shape is None:
        fault = "a URL to call has no #fragment" if "#" in text else "not an http:// or https:// URL"
        raise InvalidUrl(fault)
    scheme = shape["scheme"].lower()
    host, port = _host_and_port(shape["authority"])
    bracketed = f"[{host}]" if ":" in host else host
    standard = _DEFAULT_PORTS[scheme]
    authority = bracketed if port in (None, standard) else f"{bracketed}:{port}"
    port = port or standard
    return Url(scheme, host, port, _target(shape["target"]), authority, (scheme, host, port))


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise InvalidUrl("no user:password@ in a URL; use the fields for credentials or a header")
    parts = _AUTHORITY.match(authority)
    if parts is None:
        raise InvalidUrl("after the scheme belongs host or host:port; an IPv6 address stands in [brackets]")
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise InvalidUrl(f"{port} is no port; ports are 1 to 65535")
    return (_ipv6(parts["v6"]) if parts["v6"] is not None else _name(parts["name"])), port


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise InvalidUrl("what stands in [brackets] is no IPv6 address") from None
    if address.scope_id is not None:
        raise InvalidUrl("an IPv6 address in a URL has no %zone")
    return str(address)


def _name(text: str) -> str:
    if not text:
        raise InvalidUrl("the URL names no host")
    name = text.lower() if text.isascii() else _to_ascii(text.lower())
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.match, labels)):
        raise InvalidUrl("the host is no name of letters, digits and hyphens in parts of 1 to 63 characters")
    if _LIKE_A_NUMBER.match(labels[-1]):
        return _ipv4(name)
    return name


def _to_ascii(name: str) -> str:
    """IDNA, if the name is its own normal form: no full-width digits, circled letters or other doubles."""
    try:
        encoded = name.encode("idna")
        if encoded.decode("idna") == name:
            return encoded.decode("ascii")
    except UnicodeError:
        pass
    raise InvalidUrl("the host is no normalised international name; write it in its xn-- form")


def _ipv4(text: str) -> str:
    """Only the usual dotted form: 0x7f.1, 0177.0.0.1 and 2130706433 are addresses to a resolver as well."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise InvalidUrl("the host looks like a number; an IPv4 address has four decimal parts") from None


def _target(text: str) -> str:
    wrong = _NOT_IN_TARGETS.search(text)
    if wrong:
        code = ord(wrong.group())
        raise InvalidUrl(f"path and query may not hold the character U+{code:04X}; percent-encode it")
    return text if text.startswith("/") else f"/{text}"
