"""Mail addresses: one addr-spec each, in one normal form (RFC 5322 section 3.4.1, RFC 6531, RFC 5890).

Quoted local parts, comments, groups, address literals and lists are refused: whatever stands in an
address is sent to a server as a command and to people as a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from pydantic import AfterValidator

MAX_LOCAL, MAX_ADDRESS = 64, 254
"""Octets of a local part and of an address (RFC 5321 section 4.5.3.1)."""

_ATOM = r"[^\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2066-\u2069\ud800-\udfff()<>@,;:\\\".\[\]]+"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>[^@\s]+)\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")


def mailbox(text: str) -> str:
    """The address with its domain in ASCII and lower case. Raises ValueError, saying what would be right."""
    parts = _ADDRESS.match(text.strip()) if len(text) <= 4 * MAX_ADDRESS else None
    if parts is None:
        raise ValueError("not one mail address of the form name@domain")
    address = f"{parts['local']}@{mail_domain(parts['domain'])}"
    if len(parts["local"].encode()) > MAX_LOCAL or len(address.encode()) > MAX_ADDRESS:
        raise ValueError(
            f"a mail address has at most {MAX_LOCAL} octets before the @ and {MAX_ADDRESS} in all"
        )
    return address


def mail_domain(text: str) -> str:
    """A domain in ASCII and lower case. Raises ValueError."""
    name = text.lower()
    if not name.isascii():
        name = _to_ascii(name)
    if len(name) > 253 or not all(map(_LABEL.match, name.split("."))):
        raise ValueError("the domain is no name of letters, digits and hyphens")
    return name


def _to_ascii(name: str) -> str:
    try:
        encoded = name.encode("idna")
        if encoded.decode("idna") == name:
            return encoded.decode("ascii")
    except UnicodeError:
        pass
    raise ValueError("the domain is no normalised international name; write it in its xn-- form")


def same(address: str) -> str:
    """What two spellings of one mailbox have in common: case tells no two people apart."""
    return address.casefold()


def subscribers(
    invited: Iterable[str], subscribed: Iterable[str], unsubscribed: Iterable[str]
) -> tuple[str, ...]:
    """Who gets mail: invited and subscribed, in order, each once, without those who unsubscribed."""
    gone = set(map(same, unsubscribed))
    wanted: dict[str, str] = {}
    for address in chain(invited, subscribed):
        wanted.setdefault(same(address), address)
    return tuple(address for key, address in wanted.items() if key not in gone)


def _optional(text: str) -> str:
    return mailbox(text) if text else ""


Mailbox = Annotated[str, AfterValidator(mailbox)]
OptionalMailbox = Annotated[str, AfterValidator(_optional)]
MailDomain = Annotated[str, AfterValidator(mail_domain)]
