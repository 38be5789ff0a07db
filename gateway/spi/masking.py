"""Keeping secrets out of what is stored, logged and shown of an attempt.

Receivers repeat URLs, headers and passwords in their error texts, and some bodies carry a credential.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.spi.outcome import MAX_SENT, DeliveryFailed
from gateway.spi.secret_fields import MASK
from gateway.spi.transport import InvalidUrl, parse_url

# Longer than what is kept by more than any secret, so that the cut leaves no part of one unmasked.
_LOOKED_AT = 2 * MAX_SENT


class Masking:
    """Replaces secrets by MASK; of a secret URL also its path, which is what a receiver sees of it."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str]) -> None:
        texts = {text for secret in secrets for text in (secret, _target(secret)) if text}
        self._secrets = tuple(
            sorted((text.encode("utf-8", "replace") for text in texts), key=len, reverse=True)
        )

    def sent(self, content: bytes) -> bytes:
        """The beginning of what was sent, as it may be kept."""
        return self._masked(content[:_LOOKED_AT])[:MAX_SENT]

    def everywhere(self, content: bytes) -> bytes:
        """All of a text that is bounded by whoever gives it."""
        return self._masked(content)

    def failure(self, failure: DeliveryFailed, sent: bytes) -> DeliveryFailed:
        """The failure as it may be kept; `sent` has been masked before."""
        return DeliveryFailed(
            failure.reason,
            self._text(failure.detail),
            retry_after=failure.retry_after,
            status=failure.status,
            excerpt=self._text(failure.excerpt),
            sent=sent,
            recipient_only=failure.recipient_only,
            final=failure.final,
        )

    def _text(self, text: str) -> str:
        return self._masked(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    def _masked(self, text: bytes) -> bytes:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK.encode())
        return text


def _target(text: str) -> str:
    try:
        target = parse_url(text).target
    except InvalidUrl:
        return ""
    return target if len(target) > 1 else ""
