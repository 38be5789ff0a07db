"""Standard Webhooks 1.0 signatures over `id.timestamp.body` (standardwebhooks.com): `v1` and `v1a`.

`v1` is HMAC-SHA256 with a secret that the receiver knows too: `whsec_` and base64 of 24 to 64 random bytes.
`v1a` is Ed25519: `whsk_` and base64 of a private key signs, `whpk_` and base64 of its public key verifies.
While a key is being replaced, both sign: the header carries one signature for each, separated by spaces,
and a receiver needs to know only one.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.domain.errors import Unauthorized

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"
KEY_BYTES = 32
"""Of an Ed25519 key, private or public (RFC 8032); a private one may have its public one behind it."""

SECRET_BYTES = 32
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64

TOLERANCE = 300
"""Seconds by which a receiver's clock and ours may differ; older signatures may be replays."""

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"

MAX_SIGNATURES = 16
"""Signatures looked at in one header; a sender in rotation sends two."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z", re.ASCII)


def generate_secret() -> str:
    """A new secret from the system's random source."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def secret_key(secret: str) -> bytes:
    """The key bytes of a secret. Raises ValueError, which says what would be right and not what was given."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        length = f"{MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes"
        raise ValueError(f"a signing secret is {SECRET_PREFIX} followed by base64 of {length}")
    return key


def generate_private_key() -> str:
    """A new Ed25519 key from the system's random source."""
    return PRIVATE_PREFIX + base64.b64encode(os.urandom(KEY_BYTES)).decode()


def private_key(key: str) -> Ed25519PrivateKey:
    """A private key that is written as text. Raises ValueError, which does not repeat it."""
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(key, PRIVATE_PREFIX)[:KEY_BYTES])


def public_key(key: str) -> str:
    """The public key, as text, that verifies what a private one signs."""
    return PUBLIC_PREFIX + base64.b64encode(private_key(key).public_key().public_bytes_raw()).decode()


def _key_bytes(key: str, prefix: str) -> bytes:
    try:
        raw = base64.b64decode(key.removeprefix(prefix), validate=True)
    except ValueError:
        raw = b""
    lengths = (KEY_BYTES, 2 * KEY_BYTES) if prefix == PRIVATE_PREFIX else (KEY_BYTES,)
    if not key.startswith(prefix) or len(raw) not in lengths:
        raise ValueError(f"an Ed25519 key is {prefix} followed by base64 of {KEY_BYTES} bytes")
    return raw


class Signer:
    """Signs with every key it holds, the current one first. Keys are decoded and hashed once."""

    __slots__ = ("_signatures",)

    def __init__(self, keys: Sequence[str]) -> None:
        self._signatures: Sequence[Callable[[bytes, bytes], str]] = tuple(map(_signing, keys))

    def sign(self, message_id: str, timestamp: str, body: bytes) -> str:
        """The value of `webhook-signature` for these exact bytes; `timestamp` is in whole seconds."""
        head = f"{message_id}.{timestamp}.".encode("utf-8", "replace")
        return " ".join([signature(head, body) for signature in self._signatures])


def _signing(key: str) -> Callable[[bytes, bytes], str]:
    if key.startswith(PRIVATE_PREFIX):
        return partial(_v1a, private_key(key))
    return partial(_v1, hmac.new(secret_key(key), digestmod="sha256"))


def _v1a(key: Ed25519PrivateKey, head: bytes, body: bytes) -> str:
    return "v1a," + b2a_base64(key.sign(head + body), newline=False).decode()


def _v1(state: hmac.HMAC, head: bytes, body: bytes) -> str:
    # Copying a keyed state takes 1.3 us for 1 KiB where hmac.digest takes 1.8.
    signing = state.copy()
    signing.update(head)
    signing.update(body)
    return "v1," + b2a_base64(signing.digest(), newline=False).decode()


def verify(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float, tolerance: float = TOLERANCE
) -> None:
    """Check a received webhook against every live secret or public key, in constant time. Header names are
    lower case.

    `now` is in seconds since the epoch. Raises Unauthorized: `signature_missing`, `signature_expired`
    or `signature_invalid`; ValueError if one of our own secrets is none.
    """
    message_id, timestamp, signatures = (headers.get(name, "") for name in _HEADERS)
    if not (message_id and timestamp and signatures):
        raise Unauthorized("signature_missing", f"a webhook carries the headers {', '.join(_HEADERS)}")
    if not _TIMESTAMP.match(timestamp) or abs(now - int(timestamp)) > tolerance:
        raise Unauthorized("signature_expired", f"{TIMESTAMP_HEADER} is not within {tolerance:g} s of now")
    if not _matches(secrets, message_id, timestamp, signatures, body):
        raise Unauthorized("signature_invalid", "no signature fits this body, id, timestamp and secret")


_HEADERS = (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)


def _matches(secrets: Sequence[str], message_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Every pair is compared, so that the time taken does not tell which one fits."""
    given = signatures.encode("utf-8", "replace").split(b" ", MAX_SIGNATURES)[:MAX_SIGNATURES]
    shared = [secret for secret in secrets if not secret.startswith(PUBLIC_PREFIX)]
    expected = [Signer([secret]).sign(message_id, timestamp, body).encode() for secret in shared]
    fitting = sum(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given)
    content = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    public = [secret for secret in secrets if secret.startswith(PUBLIC_PREFIX)]
    return fitting + sum(_verifies(key, theirs, content) for key in public for theirs in given) > 0


def _verifies(key: str, signature: bytes, content: bytes) -> bool:
    version, _, encoded = signature.partition(b",")
    known = Ed25519PublicKey.from_public_bytes(_key_bytes(key, PUBLIC_PREFIX))
    try:
        known.verify(base64.b64decode(encoded, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return version == b"v1a"
