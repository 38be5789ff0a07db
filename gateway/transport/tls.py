"""TLS for outgoing connections: certificates and names are always verified, nothing is ever downgraded."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.domain.errors import ConfigurationError


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer, HTTP/1.1, the system's authorities and those in `ca_file` (PEM).

    Raises ConfigurationError if the file cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"{ca_file} holds no certificates in PEM form that can be read"
            ) from error
    return context


def explain(error: Exception) -> str:
    """What went wrong in a handshake, in words for whoever configured the destination."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        # Only errors that OpenSSL raised carry a reason.
        reason: str = getattr(error, "reason", None) or "PROTOCOL_ERROR"
        words = reason.replace("_", " ").lower()
        hint = "; does this port speak plain http?" if reason in _NOT_TLS else ""
        return f"the TLS handshake failed: {words}{hint}"
    return "the peer closed the connection during the TLS handshake"


_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)
