"""Destinations: configured endpoints, their secrets sealed before anything is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from gateway.domain.destination import Destination
from gateway.domain.errors import ConfigurationError, Conflict, Invalid, NotFound, Problem
from gateway.domain.ids import DestinationId, new_id
from gateway.domain.source import Instance
from gateway.pipeline.channels import Channels, open_secrets, vault_place
from gateway.pipeline.route import DISABLED
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Cancel, Effect, Hold, Put, Remove, Unhold
from gateway.security.references import is_reference
from gateway.security.vault import Secrets
from gateway.service.configuration import Configurator, Decision
from gateway.service.topics import refuse_in_use
from gateway.spi.destination import AnyDestination, DestinationConfig, Endpoint
from gateway.spi.discovery import destinations
from gateway.spi.outcome import DeliveryFailed
from gateway.spi.secret_fields import MASK, open_settings, plain_secrets, with_secrets

DELETED = "destination_deleted"
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Created:
    """A new destination, with the secrets that the gateway made for it: shown now and never again."""

    destination: Destination
    generated: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """Settings as an API may answer them."""

    settings: Mapping[str, object]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Checked:
    """Settings that fit their kind, and which of the secrets in them only stand for one elsewhere."""

    model: DestinationConfig
    references: Mapping[str, str]


class Destinations:
    """Use cases over destinations."""

    def __init__(
        self,
        configurator: Configurator,
        secrets: Secrets,
        channels: Channels,
        permit: Callable[[Endpoint], Awaitable[None]],
    ) -> None:
        self._configurator = configurator
        self._secrets = secrets
        self._channels = channels
        self._permit = permit

    async def create(
        self, instance: Instance, kind_name: str, config: Mapping[str, object], fields: Mapping[str, object]
    ) -> Created:
        """A new destination.

        Raises Invalid for a kind that is not there, and for settings that do not fit it, lead to where the
        egress guard lets nothing go, or ask for what the far end refuses.
        """
        kind = creatable_kind(kind_name)
        now = self._configurator.clock.now()
        blank = Destination(DestinationId(new_id()), instance.id, "", kind_name, now, now)
        checked = self._check(kind, config)
        destination = await self._ready(self._sealed(replace(blank, **fields), checked), checked)  # type: ignore[arg-type]
        created = Created(destination, checked.model.handed_out())

        def decide(_: Snapshot) -> Decision[Created]:
            return Decision(created, [Put(destination)])

        return await self._configurator.change(decide)

    async def update(
        self,
        instance: Instance,
        destination_id: str,
        config: Mapping[str, object],
        fields: Mapping[str, object],
    ) -> Destination:
        """Change a destination. Settings that are not given, and secrets given as they are shown, stay.

        Raises what `create` raises.
        """
        learnt = await self._learnt(self._configurator.snapshot, instance, destination_id, config)

        def decide(snapshot: Snapshot) -> Decision[Destination]:
            destination = find_destination(snapshot, instance, destination_id)
            kind = destinations()[destination.kind]
            changed = replace(destination, **fields, updated_at=self._configurator.clock.now())  # type: ignore[arg-type]
            if config:
                changed = self._sealed(changed, self._check(kind, config, destination))
                changed = replace(changed, config={**changed.config, **learnt})
            if changed.enabled:
                changed = replace(changed, disabled_because="")
            return Decision(changed, [Put(changed)], _held_or_freed(destination, changed))

        return await self._configurator.change(decide)

    async def disable(self, destination_id: DestinationId, because: str) -> None:
        """The gateway itself switches a destination off; what is pending is held."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            destination = snapshot.destinations.get(destination_id)
            if destination is None or not destination.enabled:
                return Decision(None)
            now = self._configurator.clock.now()
            changed = replace(destination, enabled=False, disabled_because=because, updated_at=now)
            return Decision(None, [Put(changed)], _held_or_freed(destination, changed))

        await self._configurator.change(decide)

    async def hold_disabled(self) -> None:
        """Hold what came back to a disabled destination: given back, failed, or rescued after a crash."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            disabled = [row for row in snapshot.destinations.values() if not row.enabled]
            return Decision(None, effects=[Hold(row.id, DISABLED) for row in disabled])

        await self._configurator.change(decide)

    async def delete(self, instance: Instance, destination_id: str) -> None:
        """Remove a destination that no subscription uses, and cancel what is still pending there."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            destination = find_destination(snapshot, instance, destination_id)
            if not destinations()[destination.kind].creatable:
                raise Conflict("built_in", f"every instance has its {destination.kind}; it stays")
            users = [
                row.name for row in snapshot.subscriptions.values() if row.destination_id == destination.id
            ]
            refuse_in_use("destination", users)
            return Decision(None, [Remove(destination)], [Cancel(DELETED, destination.id)])

        await self._configurator.change(decide)

    def shown(self, destination: Destination) -> Shown:
        """A destination's settings for reading, every secret masked, and what to warn of."""
        try:
            model = _model(destination, open_secrets(destination, self._secrets))
        except (Invalid, ConfigurationError) as error:
            masked = with_secrets(destination.config, dict.fromkeys(destination.secrets, MASK))
            return Shown(masked, [str(error)])
        return Shown(model.shown(), model.warnings())

    async def _learnt(
        self, snapshot: Snapshot, instance: Instance, destination_id: str, config: Mapping[str, object]
    ) -> Mapping[str, object]:
        """What the far end says of changed settings, asked before the change is decided."""
        if not config:
            return {}
        known = find_destination(snapshot, instance, destination_id)
        checked = self._check(destinations()[known.kind], config, known)
        before = self._sealed(known, checked)
        after = await self._ready(before, checked)
        return {name: value for name, value in after.config.items() if before.config.get(name) != value}

    async def _ready(self, destination: Destination, checked: _Checked) -> Destination:
        """The destination with what its far end let the adapter learn."""
        try:
            for endpoint in checked.model.endpoints():
                await self._permit(endpoint)
            learnt = await self._channels.prepare(destination)
        except DeliveryFailed as failure:
            raise Invalid(
                "destination_not_ready", f"{failure.reason}: {failure.detail}", pointer="/config/params"
            ) from None
        return replace(destination, config={**destination.config, **learnt})

    def public_key(self, destination: Destination) -> str:
        """What receivers verify its signatures with. Raises NotFound where it signs with no such key."""
        key = _model(destination, open_secrets(destination, self._secrets)).public_key()
        if not key:
            raise NotFound(
                "no_public_key",
                "this destination signs with no private key",
                expected="a webhook with signature ed25519",
            )
        return key

    def _check(
        self, kind: type[AnyDestination], given: Mapping[str, object], known: Destination | None = None
    ) -> _Checked:
        """Settings as the kind reads them, on top of what is known; a masked secret stays what it was."""
        readable = self._readable(known) if known else None
        stored = open_secrets(readable, self._secrets) if readable else {}
        fresh: dict[str, str] = {}
        settings = {
            **(_as_shown(known, stored) if known else {}),
            **{name: self._resolved(value, fresh) for name, value in given.items()},
        }
        try:
            model = kind.Config.model_validate(settings, context={"stored": stored})
        except ValidationError as error:
            raise Invalid.of(model_problems(error, "/config/params")) from error
        _refuse_stray(fresh, plain_secrets(model))
        return _Checked(model, {**(self._known_references(readable) if readable else {}), **fresh})

    def _readable(self, destination: Destination) -> Destination:
        """Without the secrets whose key is lost: those have to be given anew."""
        kept = {field: sealed for field, sealed in destination.secrets.items() if self._secrets.knows(sealed)}
        return replace(destination, secrets=kept)

    def _known_references(self, destination: Destination) -> dict[str, str]:
        texts = {
            field: self._secrets.text(sealed, vault_place(destination, field))
            for field, sealed in destination.secrets.items()
        }
        return {self._secrets.resolve(text): text for text in texts.values() if is_reference(text)}

    def _resolved(self, value: object, references: dict[str, str]) -> object:
        if isinstance(value, Mapping):
            return {name: self._resolved(inside, references) for name, inside in value.items()}
        if isinstance(value, str) and is_reference(value):
            secret = self._secrets.resolve(value)
            references[secret] = value
            return secret
        return value

    def _sealed(self, destination: Destination, checked: _Checked) -> Destination:
        sealed = {
            field: self._secrets.seal(checked.references.get(value, value), vault_place(destination, field))
            for field, value in plain_secrets(checked.model).items()
        }
        return replace(destination, config=open_settings(checked.model), secrets=sealed)


def _model(destination: Destination, secrets: Mapping[str, str]) -> DestinationConfig:
    kind = destinations().get(destination.kind)
    if kind is None:
        raise ConfigurationError(f"no adapter for kind {destination.kind!r} is installed")
    return kind.Config.model_validate(with_secrets(destination.config, secrets))


def _as_shown(destination: Destination, secrets: Mapping[str, str]) -> Mapping[str, object]:
    """Settings with masks for these secrets; any other secret of the destination is lost and left out."""
    if destination.secrets.keys() <= secrets.keys():
        return _model(destination, secrets).shown()
    return with_secrets(destination.config, dict.fromkeys(secrets, MASK))


def _refuse_stray(references: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """A reference in an open field would show everybody what it stands for."""
    stray = sorted(reference for secret, reference in references.items() if secret not in secrets.values())
    if stray:
        raise Invalid(
            "reference_misplaced",
            f"{stray[0]} stands in a field that is not secret",
            pointer="/config/params",
            expected="references in secret fields only",
        )


def find_destination(snapshot: Snapshot, instance: Instance, destination_id: str) -> Destination:
    """A destination of this instance. Raises NotFound."""
    destination = snapshot.destinations.get(DestinationId(destination_id))
    if destination is None or destination.instance_id != instance.id:
        raise NotFound("destination_not_found", f"there is no destination {destination_id!r}")
    return destination


def creatable_kind(name: str) -> type[AnyDestination]:
    """A kind that may be created. Raises Invalid naming those that exist."""
    known = {kind.kind: kind for kind in destinations().values() if kind.creatable}
    if name not in known:
        raise Invalid(
            "unknown_type",
            f"there is no destination type {name!r} to create",
            pointer="/type",
            expected=", ".join(sorted(known)),
        )
    return known[name]


def model_problems(error: ValidationError, prefix: str) -> Sequence[Problem]:
    """What pydantic found, as problems with pointers; never the value itself, which may be a secret.

    What only follows from another problem, a default that could not be made, is left out."""
    return [
        Problem(
            "invalid_value",
            item["msg"].removeprefix("Value error, "),
            prefix + "".join(f"/{part}" for part in item["loc"]),
        )
        for item in error.errors(include_input=False, include_context=False, include_url=False)
        if item["type"] != "default_factory_not_called"
    ]


def _held_or_freed(old: Destination, new: Destination) -> Sequence[Effect]:
    if old.enabled and not new.enabled:
        return [Hold(new.id, DISABLED)]
    if new.enabled and not old.enabled:
        return [Unhold(new.id, DISABLED)]
    return []
