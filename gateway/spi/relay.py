"""A mail server to hand mail to: the operator's relay (TOCSIN_SMTP_URL) or a destination's own host."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from gateway.domain.errors import TocsinError


class Security(StrEnum):
    """How a connection to a mail server is protected; it is never downgraded."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"

    @property
    def port(self) -> int:
        """The usual port: 465 with implicit TLS, else 587 (RFC 8314)."""
        return 465 if self is Security.TLS else 587


class InvalidRelay(TocsinError, ValueError):
    """The text names no mail relay; the message says what would be right and repeats no part of it."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where and how mail is handed over.

    `sender` is the relay's usual From address, '' if none; `methods` are the ways to log in (RFC 4954), the
    preferred one first: one of them is tried, once, because some servers lock accounts after three failures.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    methods: tuple[str, ...] = ("plain", "login")


def parse_relay(url: str) -> Relay:
    """Read `smtp[s]://user:password@host:port?from=name@domain&security=starttls|tls|none`.

    `smtp` means STARTTLS, required; `smtps` implicit TLS; only `security=none` leaves mail unprotected, and
    then no password is sent. User and password are percent-decoded. Raises InvalidRelay.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRelay("the mail relay's host or port cannot be read") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise InvalidRelay("a mail relay reads smtp://host:port or smtps://host:port")
    options = dict(parse_qsl(parts.query))
    if options.keys() - {"from", "security"} or parts.fragment:
        raise InvalidRelay(
            "a mail relay takes ?from=address and &security=starttls, tls or none, nothing else"
        )
    security = _security(parts, options.get("security"))
    relay = Relay(
        parts.hostname,
        port or security.port,
        security,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        options.get("from", ""),
    )
    if relay.user and security is Security.NONE:
        raise InvalidRelay("a password is never sent without TLS; use security=starttls or smtps://")
    return relay


def _security(parts: SplitResult, named: str | None) -> Security:
    usual = Security.TLS if parts.scheme == "smtps" else Security.STARTTLS
    try:
        security = Security(named) if named else usual
    except ValueError:
        raise InvalidRelay("the security of a mail relay is starttls, tls or none") from None
    if parts.scheme == "smtps" and security is not Security.TLS:
        raise InvalidRelay("smtps:// is implicit TLS; write smtp:// for another security")
    return security
