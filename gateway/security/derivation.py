"""Keys made from the master key, one for each purpose, and how bytes stand in URLs and tokens.

By HKDF (RFC 5869), so that all nodes that share the master key know what each of them signs, and nothing
that one purpose gives away helps with another.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(master: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(master)


def base64url(raw: bytes) -> str:
    """base64 of RFC 4648 section 5, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """What `base64url` made a text of. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
