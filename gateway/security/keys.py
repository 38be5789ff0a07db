"""Keys: how a caller proves who it is. Only digests are stored; a secret is shown once.

A key reads `tcs_<id>_<secret>`: the id finds the row, 256 random bits make the secret. A fast hash is
enough for such a secret, and a slow one would itself be a lever for denial of service
(facts: reliability-security 3.7). The operator's key is any string of 20 or more characters.

A key may be exchanged for an access token that stands for it (`tokens.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.domain.errors import ConfigurationError
from gateway.domain.ids import InstanceId, KeyId, SourceId
from gateway.domain.source import Key, Role, Use
from gateway.security.tokens import START, AccessToken, AccessTokens

PREFIX = "tcs_"
MIN_OPERATOR_KEY = 20
MAX_TOKEN = 1024
OPERATOR = KeyId("operator")
_is_sendable = re.compile(r"[!-~]+").fullmatch
_NOBODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a role, and what it is bound to. The operator belongs to no instance."""

    role: Role
    key_id: KeyId
    instance_id: InstanceId | None = None
    source_id: SourceId | None = None


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key at birth, the only moment at which its text exists."""

    id: KeyId
    text: str
    digest: str


def generate() -> FreshKey:
    """Make a new key with 256 random bits."""
    key_id = secrets.token_hex(8)
    secret = secrets.token_urlsafe(32)
    return FreshKey(KeyId(key_id), f"{PREFIX}{key_id}_{secret}", digest(secret))


def digest(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def operator_digest(key: str) -> str:
    """The digest of the operator's key.

    Raises ConfigurationError when it is too short to be a secret, or cannot be sent as a bearer token.
    """
    if len(key) < MIN_OPERATOR_KEY:
        raise ConfigurationError(
            f"TOCSIN_ADMIN_KEY needs {MIN_OPERATOR_KEY} or more characters, it has {len(key)}"
        )
    if len(key) > MAX_TOKEN or not _is_sendable(key):
        raise ConfigurationError(
            f"TOCSIN_ADMIN_KEY may hold printable ASCII without spaces only, at most {MAX_TOKEN} characters"
        )
    return digest(key)


class KeyRing:
    """All live keys, by id. Immutable: a new configuration brings a new ring.

    `operator` is the digest of the operator's key; without `tokens` no access token is known.
    """

    def __init__(self, keys: Iterable[Key], operator: str, tokens: AccessTokens | None = None) -> None:
        known: dict[Use, dict[KeyId, tuple[str, Principal]]] = {use: {} for use in Use}
        for key in keys:
            known[key.use][key.id] = (key.digest, _principal(key))
        self._keys, self._in_urls = known[Use.HEADER], known[Use.URL]
        self._live = {**self._keys, OPERATOR: (operator, _THE_OPERATOR)}
        self._operator = operator
        self.tokens = tokens

    def identify(self, token: str) -> Principal | None:
        """Who holds this key or access token, or None.

        Takes the same steps for an unknown id as for a wrong secret.
        """
        if len(token) > MAX_TOKEN:
            return None
        principal = _among(self._keys, token)
        if principal is not None:
            return principal
        if hmac.compare_digest(digest(token), self._operator):
            return _THE_OPERATOR
        return self._holder(token)

    def by_url(self, token: str) -> Principal | None:
        """Whose URL this key is the secret part of, or None. Such a key is good for nothing else."""
        return _among(self._in_urls, token) if len(token) <= MAX_TOKEN else None

    def access_token(self, key: str) -> AccessToken | None:
        """An access token that stands for this key; None if nobody holds it. A token brings no other."""
        principal = self.identify(key)
        if self.tokens is None or principal is None or self._holder(key):
            return None
        live, _ = self._live[principal.key_id]
        return self.tokens.issue(principal.key_id, live, principal.instance_id or OPERATOR)

    def _holder(self, token: str) -> Principal | None:
        """Who holds this access token, or None."""
        if self.tokens is None or not token.startswith(START):
            return None
        key_id = self.tokens.holder(token, self._live_digest)
        return self._live[key_id][1] if key_id else None

    def _live_digest(self, key_id: KeyId) -> str | None:
        known = self._live.get(key_id)
        return known[0] if known else None


def _among(keys: Mapping[KeyId, tuple[str, Principal]], token: str) -> Principal | None:
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    expected, principal = keys.get(KeyId(key_id), (_NOBODY, None))
    return principal if hmac.compare_digest(digest(secret), expected) else None


_THE_OPERATOR = Principal(Role.OPERATOR, OPERATOR)


def _principal(key: Key) -> Principal:
    return Principal(key.role, key.id, key.instance_id, key.source_id)
