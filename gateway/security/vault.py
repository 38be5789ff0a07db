"""The vault: secrets at rest, AES-256-GCM per value, bound to the place they belong to.

A sealed value reads `v1:<key id>:<base64 of nonce and ciphertext>`. The place (instance, destination,
field) is authenticated with it, so a ciphertext cannot be moved to another row. Several keys may be
known: the first one seals, all of them open (facts: reliability-security 3.9).
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.errors import ConfigurationError
from gateway.security.references import References, is_reference

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32


class Vault:
    """Seals and opens secrets. `keys` are 32-byte master keys, the sealing one first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._sealing = _key_id(keys[0])

    def seal(self, secret: str, place: str) -> str:
        """Encrypt `secret` for one place."""
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[self._sealing].encrypt(nonce, secret.encode(), place.encode())
        return f"{VERSION}:{self._sealing}:{base64.b64encode(nonce + ciphertext).decode()}"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of its keys, the sealing one first."""
        return tuple(self._ciphers)

    def knows(self, sealed: str) -> bool:
        """Whether the key that this was sealed with is one of ours."""
        version, _, rest = sealed.partition(":")
        return version == VERSION and rest.partition(":")[0] in self._ciphers

    def open(self, sealed: str, place: str) -> str:
        """Decrypt what was sealed for this very place.

        Raises ConfigurationError when the key is not known or the value was altered or moved.
        """
        version, key_id, text = sealed.split(":", 2)
        cipher = self._ciphers.get(key_id)
        if version != VERSION or cipher is None:
            raise ConfigurationError(
                f"a secret was sealed with key {key_id}, which TOCSIN_SECRET_KEY does not hold"
            )
        raw = base64.b64decode(text)
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
        except InvalidTag as error:
            raise ConfigurationError(f"the secret of {place} was altered or belongs elsewhere") from error


class Secrets:
    """Secrets of destinations: sealed where kept, resolved where they only stand for one elsewhere."""

    def __init__(self, vault: Vault, references: References) -> None:
        self._vault, self._references = vault, references

    def seal(self, secret: str, place: str) -> str:
        """See Vault. A reference is sealed as it is written."""
        return self._vault.seal(secret, place)

    def open(self, sealed: str, place: str) -> str:
        """The secret itself. Raises ConfigurationError (see Vault) and Invalid (see References)."""
        return self._references.resolve(self._vault.open(sealed, place))

    def knows(self, sealed: str) -> bool:
        """See Vault."""
        return self._vault.knows(sealed)

    def text(self, sealed: str, place: str) -> str:
        """What was sealed, as it was written: a reference is not resolved. Raises ConfigurationError."""
        return self._vault.open(sealed, place)

    def refers(self, sealed: str, place: str) -> bool:
        """Whether what is sealed only stands for a secret elsewhere, which may change there."""
        return is_reference(self._vault.open(sealed, place))

    def resolve(self, text: str) -> str:
        """The secret that a text is or stands for. Raises Invalid."""
        return self._references.resolve(text)


def parse_keys(text: str) -> list[bytes]:
    """Read TOCSIN_SECRET_KEY: one or more master keys, comma separated, each base64 of 32 bytes.

    Raises ConfigurationError naming how to make one.
    """
    keys = []
    for part in text.split(","):
        try:
            key = base64.b64decode(part.strip(), validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigurationError(
                "TOCSIN_SECRET_KEY must be base64 of 32 random bytes; make one with: openssl rand -base64 32"
            )
        keys.append(key)
    return keys


def fresh_key() -> str:
    """A new master key, as TOCSIN_SECRET_KEY takes it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def write_private(path: Path, text: str) -> None:
    """Write a new file with mode 0600; raises FileExistsError rather than replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"tocsin vault key" + key).hexdigest()[:8]
