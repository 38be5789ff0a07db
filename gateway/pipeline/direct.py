"""Telling the user whom an event is about: a recipient that stands in the event, within allowed domains.

The address comes from whoever sends, so it is taken only whole, plain, and of a domain that the subscription
names; anything else reaches nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.domain.destination import UNSUBSCRIBED, Subscription
from gateway.domain.view import EventView, Json, Missing

MAX_ADDRESS = 254
"""Characters of a mail address (RFC 5321, 4.5.3.1.3, without the angle brackets)."""

MAX_STEPS = 16
MAX_FOLDED = 100
"""Members of an object that is searched in any case."""

_mailbox = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([A-Za-z0-9.-]{1,253})").fullmatch


def direct_recipients(subscription: Subscription, view: EventView) -> tuple[str, ...]:
    """The user's address, or nobody."""
    found = pointed(view.payload, subscription.recipient_from)
    address = found.strip() if isinstance(found, str) else ""
    return (address,) if allowed_recipient(subscription, address) else ()


def allowed_recipient(subscription: Subscription, address: str) -> bool:
    """Whether a subscription may tell this address: not one that has unsubscribed."""
    matched = _mailbox(address) if len(address) <= MAX_ADDRESS else None
    allowed = matched is not None and matched[1].lower() in subscription.recipient_domains
    return allowed and not _has_unsubscribed(subscription, address.casefold())


def _has_unsubscribed(subscription: Subscription, address: str) -> bool:
    gone = subscription.address.get(UNSUBSCRIBED)
    return isinstance(gone, list | tuple) and any(str(one).casefold() == address for one in gone)


def pointed(value: Json | Missing, pointer: str) -> object:
    """What a JSON pointer names (RFC 6901), None where there is nothing.

    In a list of `{name, value}`, as DBackup has its fields, a name in any case stands for that value. In a
    small object a name in any case will do, where the one as written is not there.
    """
    here: object = value
    for token in pointer.split("/", MAX_STEPS)[1:]:
        here = _below(here, token.replace("~1", "/").replace("~0", "~"))
    return here


def _below(value: object, token: str) -> object:
    if isinstance(value, dict):
        return value[token] if token in value else _in_any_case(value, token)
    if not isinstance(value, list):
        return None
    if token.isascii() and token.isdigit():
        return value[int(token)] if len(token) < 6 and int(token) < len(value) else None
    return next((row.get("value") for row in value if isinstance(row, dict) and _named(row, token)), None)


def _in_any_case(value: Mapping[str, object], token: str) -> object:
    if len(value) > MAX_FOLDED:
        return None
    return next((one for name, one in value.items() if name.casefold() == token.casefold()), None)


def _named(row: dict[str, object], token: str) -> bool:
    name = row.get("name")
    return isinstance(name, str) and name.strip().casefold() == token.casefold()
