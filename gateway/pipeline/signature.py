"""Signed requests of a source: who knows its secret has sent this, now, and this very body.

Two styles. Standard Webhooks signs id, time and body; what is older or younger than the tolerance is refused,
and a replay within it carries the same id. `X-Hub-Signature-256` signs the body alone, so a replay is the
same body. In both styles what is the same makes the request's receipt: a replay is then a repeat of an
event that is known, on every node and for as long as idempotency keys are kept.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from gateway.domain.errors import Unauthorized
from gateway.domain.source import Signing, Source
from gateway.pipeline.receive import Envelope
from gateway.security.vault import Secrets
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, verify

HUB_HEADER = "x-hub-signature-256"
CURRENT, PREVIOUS = "signing", "signing_previous"
"""The secrets of a source. The previous one stays good until there is a newer previous one."""


class Signatures:
    """Checks signatures with secrets that are sealed where they are kept."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._open = lru_cache(maxsize=1024)(secrets.open)

    def check(self, source: Source, envelope: Envelope, now: float) -> Envelope:
        """The envelope with its receipt. Raises Unauthorized: `signature_missing`, `_expired`, `_invalid`."""
        secrets = [
            self._open(sealed, vault_place(source, field))
            for field, sealed in source.secrets.items()
            # What the vault does not know, its key was given up, and the secret with it.
            if field in (CURRENT, PREVIOUS) and self._secrets.knows(sealed)
        ]
        headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in envelope.headers}
        if source.signing is Signing.STANDARD:
            verify(secrets, headers, envelope.body, now)
            return envelope._replace(receipt=headers[ID_HEADER])
        given = headers.get(HUB_HEADER, "")
        if not given:
            raise Unauthorized("signature_missing", f"a request of this source carries {HUB_HEADER}")
        if not _matches(secrets, given, envelope.body):
            raise Unauthorized("signature_invalid", "no signature fits this body and secret")
        return envelope._replace(receipt=given)


def is_signed(source: Source, envelope: Envelope) -> bool:
    """Whether a request says that it is signed, before its body is read."""
    wanted = SIGNATURE_HEADER if source.signing is Signing.STANDARD else HUB_HEADER
    return any(name.lower() == wanted.encode() for name, _ in envelope.headers)


def vault_place(source: Source, field: str) -> str:
    """Where a secret belongs; the vault binds it to this."""
    return f"{source.instance_id}|{source.id}|{field}"


def _matches(secrets: list[str], given: str, body: bytes) -> bool:
    """Every secret is tried, so that the time taken does not tell which one fits."""
    expected = ["sha256=" + hmac.digest(secret.encode(), body, "sha256").hex() for secret in secrets]
    return sum(hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in expected) > 0
