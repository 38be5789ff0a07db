"""Access tokens: what IBM's clients get for a key at `/identity/token`, and send in its place for an hour.

A token is a JWT (RFC 7519), because IBM's Python and Node SDKs take its times from `exp` and `iat` and
Terraform's provider reads `id`, `iss` and `account.bss` (facts: ibm-event-notifications 5). No client
verifies it, and Terraform's provider only asks that the kind of key be wrong for the algorithm, which HS256
gives it as RS256 does; so it is signed with HS256, and there is no key pair to keep.

Nothing is stored. The signing key comes from the vault's master key by HKDF (RFC 5869), so that all nodes
that share the master key know each other's tokens. A token carries a mark of the key that it stands for:
it ends with that key, not only with its hour.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.ids import KeyId
from gateway.security.derivation import base64url, derived, from_base64url

LIFETIME = 3600
"""Seconds that a token is good for, as IBM's are."""

SCOPE = "ibm openid"
ISSUER = "urn:tocsin:identity"
START = "eyJ"
"""How every JWT begins: base64 of `{"`."""

_PURPOSE = b"tocsin access tokens"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A fresh token; times are in whole seconds since the epoch."""

    text: str
    issued_at: int
    expires_at: int


class _Account(msgspec.Struct, frozen=True):
    bss: str


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: KeyId
    id: str
    iam_id: str
    account: _Account
    iat: int
    exp: int
    scope: str
    mark: str


class AccessTokens:
    """Makes and reads tokens. `masters` are the vault's master keys: the first one signs, all are known."""

    def __init__(self, masters: Sequence[bytes], clock: Clock) -> None:
        roots = [derived(master, _PURPOSE) for master in masters]
        self._roots = {_header(root): root for root in roots}
        self._signing = _header(roots[0])
        self._clock = clock

    def issue(self, key_id: KeyId, key_digest: str, account: str) -> AccessToken:
        """A token that stands for a key; `account` is what the key belongs to."""
        now = int(self._clock.now())
        root = self._roots[self._signing]
        claims = _Claims(
            ISSUER,
            key_id,
            key_id,
            key_id,
            _Account(account),
            now,
            now + LIFETIME,
            SCOPE,
            _mark(root, key_digest),
        )
        signed = f"{self._signing}.{base64url(msgspec.json.encode(claims))}"
        return AccessToken(f"{signed}.{_signature(root, signed)}", now, now + LIFETIME)

    def holder(self, token: str, digest_of: Callable[[KeyId], str | None]) -> KeyId | None:
        """The key that a token stands for; None if it is no token of ours, expired, or its key is gone.

        `digest_of` tells the digest that a live key has.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        root = self._roots.get(header)
        if root is None or not _same(_signature(root, signed), signature):
            return None
        claims = msgspec.json.decode(from_base64url(payload), type=_Claims)
        if claims.exp <= self._clock.now():
            return None
        live = digest_of(claims.sub)
        return claims.sub if live is not None and _same(_mark(root, live), claims.mark) else None


def _header(root: bytes) -> str:
    """The first part of every token that this key signs: comparing it whole leaves no algorithm to choose."""
    name = hashlib.sha256(_PURPOSE + root).hexdigest()[:8]
    return base64url(msgspec.json.encode({"alg": "HS256", "typ": "JWT", "kid": name}))


def _mark(root: bytes, key_digest: str) -> str:
    """What ties a token to the very secret of its key, and tells nothing of it."""
    return base64url(hmac.digest(root, b"mark " + key_digest.encode(), "sha256")[:16])


def _signature(root: bytes, signed: str) -> str:
    return base64url(hmac.digest(root, signed.encode(), "sha256"))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
