"""What a NATS server's refusals, and its silence, mean for a delivery."""

from __future__ import annotations

import re
import ssl
from typing import Any

from gateway.spi.outcome import DeliveryFailed, Reason

_ERR_CODES = {
    10023: Reason.THROTTLED,  # insufficient resources
    10047: Reason.THROTTLED,  # insufficient storage
    10054: Reason.REJECTED,  # message size exceeds maximum allowed
    10059: Reason.MISCONFIGURED,  # stream not found
    10060: Reason.MISCONFIGURED,  # expected stream does not match
    10077: Reason.THROTTLED,  # maximum messages or bytes of the stream exceeded
    10109: Reason.GONE,  # the stream is sealed: it never takes a message again
    10122: Reason.THROTTLED,  # maximum bytes of the account exceeded
}
"""JetStream's own codes where they say more than the status beside them (nats-server, errors.json)."""


def connect_failure(error: Exception, url: str) -> DeliveryFailed:
    """Why there is no connection: nothing was sent."""
    from nats.errors import SecureConnRequiredError
    from nkeys import NkeysError

    if isinstance(error, SecureConnRequiredError):
        return DeliveryFailed(Reason.TLS, f"{url}: the server offers no TLS, which is demanded")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryFailed(Reason.TLS, f"{url}: the certificate is not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return DeliveryFailed(Reason.TLS, f"{url}: the TLS handshake failed")
    if isinstance(error, NkeysError | ValueError | TypeError):
        return DeliveryFailed(Reason.MISCONFIGURED, f"{url}: the credentials cannot be read")
    said = str(error)
    if re.search("authori[sz]ation|authentication|account|user", said, re.IGNORECASE):
        return DeliveryFailed(Reason.UNAUTHORIZED, f"{url}: {said}")
    return DeliveryFailed(Reason.UNAVAILABLE, f"{url}: {said or 'the connection was lost'}")


def publish_failure(error: Exception, subject: str) -> DeliveryFailed:
    """Why something was published in vain, or perhaps not in vain."""
    from nats.js.errors import APIError, NoStreamResponseError

    from adapters.destinations.nats.connection import NotAllowedError

    if isinstance(error, NoStreamResponseError):
        return DeliveryFailed(Reason.MISCONFIGURED, f"no JetStream stream takes the subject {subject}")
    if isinstance(error, NotAllowedError):
        return DeliveryFailed(Reason.UNAUTHORIZED, str(error))
    if isinstance(error, APIError):
        return _stream_refusal(error)
    return DeliveryFailed(Reason.AMBIGUOUS, f"no acknowledgement: {error}", excerpt=str(error))


def _stream_refusal(error: Any) -> DeliveryFailed:
    said = f"{error.code}, {error.err_code}: {error.description}"
    reason = _ERR_CODES.get(error.err_code or 0)
    if reason is None:
        reason = Reason.REJECTED if 400 <= (error.code or 0) < 500 else Reason.UNAVAILABLE
    return DeliveryFailed(reason, f"the stream answered {said}", status=error.code, excerpt=said)
