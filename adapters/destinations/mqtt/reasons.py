"""What a broker's reason codes mean for a delivery (MQTT 5.0, section 2.4 and table 2-6)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gateway.spi.outcome import DeliveryFailed, Reason

if TYPE_CHECKING:
    from adapters.destinations.mqtt.connection import LostError

_BY_CODE = {
    0x80: Reason.UNAVAILABLE,  # unspecified error
    0x81: Reason.REJECTED,  # malformed packet
    0x82: Reason.REJECTED,  # protocol error
    0x83: Reason.UNAVAILABLE,  # implementation specific error
    0x84: Reason.MISCONFIGURED,  # unsupported protocol version
    0x85: Reason.MISCONFIGURED,  # client identifier not valid
    0x86: Reason.UNAUTHORIZED,  # bad user name or password
    0x87: Reason.UNAUTHORIZED,  # not authorized
    0x88: Reason.UNAVAILABLE,  # server unavailable
    0x89: Reason.THROTTLED,  # server busy
    0x8A: Reason.UNAUTHORIZED,  # banned
    0x8B: Reason.UNAVAILABLE,  # server shutting down
    0x8C: Reason.UNAUTHORIZED,  # bad authentication method
    0x8D: Reason.UNAVAILABLE,  # keep alive timeout
    0x8E: Reason.UNAVAILABLE,  # session taken over
    0x90: Reason.MISCONFIGURED,  # topic name invalid
    0x91: Reason.UNAVAILABLE,  # packet identifier in use
    0x93: Reason.THROTTLED,  # receive maximum exceeded
    0x95: Reason.REJECTED,  # packet too large
    0x96: Reason.THROTTLED,  # message rate too high
    0x97: Reason.THROTTLED,  # quota exceeded
    0x98: Reason.UNAVAILABLE,  # administrative action
    0x99: Reason.REJECTED,  # payload format invalid
    0x9A: Reason.MISCONFIGURED,  # retain not supported
    0x9B: Reason.MISCONFIGURED,  # QoS not supported
    0x9C: Reason.MISCONFIGURED,  # use another server
    0x9D: Reason.GONE,  # server moved, for good
    0x9F: Reason.THROTTLED,  # connection rate exceeded
}

NO_SUBSCRIBERS = 0x10
"""A success: it was published, and nobody subscribes to it."""


def refusal(code: int, said: str, where: str) -> DeliveryFailed:
    """The failure that a reason code stands for; one that is not known may pass."""
    return DeliveryFailed(_BY_CODE.get(code, Reason.UNAVAILABLE), f"{where}: {said}", excerpt=said)


def lost(error: LostError, where: str) -> DeliveryFailed:
    """What a lost connection means for a message that it was used for.

    What the broker said to it counts, if it can be about this message, or makes it come again.
    """
    if not error.sent:
        return DeliveryFailed(Reason.UNAVAILABLE, f"{where}: {error}")
    if error.refusal is not None:
        told = refusal(error.refusal.code, str(error.refusal), where)
        if told.reason is not Reason.UNAVAILABLE and (error.alone or not told.final):
            return told
    return DeliveryFailed(Reason.AMBIGUOUS, f"no acknowledgement: {error}")


def no_connection(error: Exception, where: str) -> DeliveryFailed:
    """Why there is no connection: nothing was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryFailed(Reason.TLS, f"{where}: the certificate is not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return DeliveryFailed(Reason.TLS, f"{where}: the TLS handshake failed")
    return DeliveryFailed(Reason.UNAVAILABLE, f"{where}: {str(error) or 'the connection was lost'}")
