"""Who a gateway is: the operator's key, and the master key that its secrets are sealed with.

Each is given by a setting, or lies in a file of the data folder that is made on first use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from gateway.domain.clock import Clock
from gateway.domain.destination import Destination
from gateway.domain.errors import ConfigurationError
from gateway.domain.source import Source
from gateway.ports import Entity
from gateway.security.acknowledging import AcknowledgeLinks
from gateway.security.keyprint import Keyprint
from gateway.security.keys import generate, operator_digest
from gateway.security.references import References
from gateway.security.tokens import AccessTokens
from gateway.security.unsubscribing import UnsubscribeLinks
from gateway.security.vault import Secrets, Vault, fresh_key, parse_keys, write_private
from gateway.settings import Settings

ADMIN_KEY, SECRET_KEY = "admin.key", "secret.key"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a gateway is known by and keeps its secrets with.

    `operator` is the digest of `admin_key`, `keyprint` what other nodes recognise both keys by;
    `admin_key_is_new` is set when this start made the key up. `new_master` is a master key that this start
    made up and that is not written yet, '' for none.
    """

    admin_key: str
    operator: str
    keyprint: Keyprint
    secrets: Secrets
    tokens: AccessTokens
    unsubscribe_links: UnsubscribeLinks
    acknowledge_links: AcknowledgeLinks
    admin_key_is_new: bool
    new_master: str


def load_identity(settings: Settings, clock: Clock) -> Identity:
    """Read or make the keys. Raises ConfigurationError, one line that says what to do."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        admin_key, is_new = _admin_key(settings.admin_key, folder / ADMIN_KEY)
        master = _master(settings.secret_key, folder / SECRET_KEY)
    except OSError as error:
        raise _unusable(folder, error) from error
    new_master = "" if master else fresh_key()
    masters = parse_keys(master or new_master)
    vault = Vault(masters)
    secrets = Secrets(vault, References(settings.references))
    operator = operator_digest(admin_key)
    keyprint = Keyprint.of(operator, vault.key_ids)
    tokens, links = AccessTokens(masters, clock), UnsubscribeLinks(masters, settings.public_url)
    ours = AcknowledgeLinks(masters, settings.public_url)
    return Identity(admin_key, operator, keyprint, secrets, tokens, links, ours, is_new, new_master)


def keep_master(identity: Identity, settings: Settings, entities: Iterable[Entity]) -> None:
    """Write a new master key, once it is known that the store needs no other.

    Raises ConfigurationError when it holds secrets that were sealed with another one.
    """
    path = settings.data_dir / SECRET_KEY
    strange = _sealed_elsewhere(entities, identity.secrets)
    if strange is not None and not settings.abandon_secrets:
        why = f"{path} is missing" if identity.new_master else "this is another master key"
        raise ConfigurationError(
            f"{why}: the secrets of {_noun(strange)} {strange.name!r} cannot be opened; put the old key back "
            "or into TOCSIN_SECRET_KEY (behind a new one), or lose them with TOCSIN_ABANDON_SECRETS=true"
        )
    if identity.new_master:
        try:
            write_private(path, identity.new_master)
        except OSError as error:
            raise _unusable(settings.data_dir, error) from error


def _sealed_elsewhere(entities: Iterable[Entity], secrets: Secrets) -> Destination | Source | None:
    for entity in entities:
        if isinstance(entity, Destination | Source) and not all(map(secrets.knows, entity.secrets.values())):
            return entity
    return None


def _noun(holder: Destination | Source) -> str:
    return "destination" if isinstance(holder, Destination) else "source"


def _admin_key(given: SecretStr | None, path: Path) -> tuple[str, bool]:
    if given is not None:
        return given.get_secret_value(), False
    if path.exists():
        return path.read_text(encoding="utf-8", errors="replace").strip(), False
    key = generate().text
    write_private(path, key)
    return key, True


def _master(given: SecretStr | None, path: Path) -> str:
    """The master keys as text; '' where there are none yet."""
    if given is not None:
        return given.get_secret_value()
    if not path.exists():
        return ""
    return path.read_text(encoding="ascii", errors="replace").strip() or "an empty file"


def _unusable(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"the data folder {folder} cannot be used: {error.strerror}")
