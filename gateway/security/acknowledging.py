"""Links by which the reader of a message acknowledges its incident, without a log-in: signed, for some days.

A link names an instance, an incident and to whom it was sent, which is who acknowledged it then. Nothing is
stored, and whoever has the link can do this one thing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gateway.domain.ids import IncidentId, InstanceId
from gateway.security.derivation import base64url, derived, from_base64url

PATH = "/acknowledge"
MAX_TOKEN = 2048
"""Characters; longer ones are not looked at."""
MAX_BY = 100
"""Characters of whom it was sent to."""
LIFETIME = 7 * 86_400.0
"""Seconds for which a link is good."""

_PURPOSE = b"tocsin acknowledge links"


class Acknowledgement(NamedTuple):
    """Who cares for which incident; `until` (epoch seconds) is when the link expires."""

    instance_id: InstanceId
    incident_id: IncidentId
    by: str
    until: float


class AcknowledgeLinks:
    """Makes and reads links. `masters` are the vault's master keys: the first one signs, all are known.
    Without a public URL there are none."""

    def __init__(self, masters: Sequence[bytes], public_url: str) -> None:
        self._keys = [derived(master, _PURPOSE) for master in masters]
        self._base = f"{public_url.rstrip('/')}{PATH}/" if public_url else ""

    def url(self, instance_id: InstanceId, incident_id: IncidentId, by: str, now: float) -> str:
        """Where a reader acknowledges it; '' where the gateway has no public URL."""
        if not self._base:
            return ""
        who = by[:MAX_BY].encode("utf-8", "replace").decode()
        return self._base + self.token(Acknowledgement(instance_id, incident_id, who, now + LIFETIME))

    def token(self, wanted: Acknowledgement) -> str:
        """The last part of a link."""
        payload = base64url(msgspec.json.encode(wanted))
        return f"{payload}.{_signature(self._keys[0], payload)}"

    def read(self, token: str, now: float) -> Acknowledgement | None:
        """What a link says; None for one that is not ours or has expired. Compares in constant time."""
        if len(token) > MAX_TOKEN:
            return None
        payload, _, signature = token.rpartition(".")
        given = signature.encode("utf-8", "replace")
        matches = [hmac.compare_digest(_signature(key, payload).encode(), given) for key in self._keys]
        if not any(matches):
            return None
        wanted = msgspec.json.decode(from_base64url(payload), type=Acknowledgement)
        return wanted if now < wanted.until else None


def _signature(key: bytes, payload: str) -> str:
    return base64url(hmac.digest(key, payload.encode("utf-8", "replace"), "sha256"))
