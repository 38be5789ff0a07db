"""Links by which a recipient unsubscribes, without a log-in (RFC 8058): signed, and nothing is stored.

A link names an instance, a subscription and a recipient. It has no date: a mail that is years old still lets
its reader go, and following a link twice does nothing more. Whoever has it can do this one thing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gateway.domain.ids import InstanceId, SubscriptionId
from gateway.security.derivation import base64url, derived, from_base64url

PATH = "/unsubscribe"
MAX_TOKEN = 2048
"""Characters; longer ones are not looked at."""

_PURPOSE = b"tocsin unsubscribe links"


class Unsubscription(NamedTuple):
    """Who wants no more of what."""

    instance_id: InstanceId
    subscription_id: SubscriptionId
    recipient: str


class UnsubscribeLinks:
    """Makes and reads links. `masters` are the vault's master keys: the first one signs, all are known.
    Without a public URL there are none."""

    def __init__(self, masters: Sequence[bytes], public_url: str) -> None:
        self._keys = [derived(master, _PURPOSE) for master in masters]
        self._base = f"{public_url.rstrip('/')}{PATH}/" if public_url else ""

    def url(self, wanted: Unsubscription) -> str:
        """Where this recipient unsubscribes; '' where the gateway has no public URL."""
        return self._base + self.token(wanted) if self._base else ""

    def token(self, wanted: Unsubscription) -> str:
        """The last part of a link."""
        payload = base64url(msgspec.json.encode(wanted))
        return f"{payload}.{_signature(self._keys[0], payload)}"

    def read(self, token: str) -> Unsubscription | None:
        """What a link says; None for one that is not ours. Compares in constant time."""
        if len(token) > MAX_TOKEN:
            return None
        payload, _, signature = token.rpartition(".")
        given = signature.encode("utf-8", "replace")
        matches = [hmac.compare_digest(_signature(key, payload).encode(), given) for key in self._keys]
        if not any(matches):
            return None
        return msgspec.json.decode(from_base64url(payload), type=Unsubscription)


def _signature(key: bytes, payload: str) -> str:
    return base64url(hmac.digest(key, payload.encode("utf-8", "replace"), "sha256"))
