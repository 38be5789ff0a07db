"""The adapters of configured destinations: one object for each, for as long as its settings stay the same."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import structlog
from pydantic import ValidationError

from gateway.domain.destination import Destination
from gateway.domain.errors import ConfigurationError, Invalid
from gateway.domain.ids import DestinationId
from gateway.security.vault import Secrets
from gateway.spi.destination import (
    MAX_ATTEMPT_SECONDS,
    AnyDestination,
    Pace,
    SubscriptionAddress,
    Tools,
)
from gateway.spi.discovery import destinations
from gateway.spi.masking import Masking
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets, with_secrets

log = structlog.get_logger()


@dataclass(slots=True)
class Channel:
    """A destination's adapter, and what must not be told. `refers`: its secrets may change elsewhere."""

    destination: Destination
    adapter: AnyDestination
    opened: Mapping[str, str]
    refers: bool
    masking: Masking

    def masked(self, receipt: Receipt) -> Receipt:
        """A receipt that may be kept, whatever the adapter put into it."""
        sent = self.masking.sent(receipt.sent)
        return receipt if sent == receipt.sent else replace(receipt, sent=sent)

    def masked_failure(self, failure: DeliveryFailed) -> DeliveryFailed:
        """A failure that may be kept, whatever the adapter put into it."""
        return self.masking.failure(failure, self.masking.sent(failure.sent))


class Channels:
    """The adapters of all destinations that were sent to, made on first use."""

    def __init__(self, tools: Tools, secrets: Secrets) -> None:
        self._tools = tools
        self._secrets = secrets
        self._open: dict[DestinationId, Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def forget(self, known: Container[DestinationId]) -> None:
        """Close the adapters of destinations that are gone, and let go of their secrets."""
        for destination_id in [one for one in self._open if one not in known]:
            self._retire(self._open.pop(destination_id).adapter)

    async def close(self) -> None:
        """Close every adapter."""
        adapters = [channel.adapter for channel in self._open.values()]
        self._open.clear()
        await asyncio.gather(
            *(adapter.close() for adapter in adapters), *self._closing, return_exceptions=True
        )

    def channel(self, destination: Destination) -> Channel:
        """The channel of a destination as it is configured now. Raises DeliveryFailed: misconfigured."""
        known = self._open.get(destination.id)
        if known is not None and known.destination is destination and not known.refers:
            return known
        opened = self._opened(destination)
        if known is not None and _same_settings(known, destination, opened):
            known.destination = destination
            return known
        fresh = self._make(destination, opened)
        self._open[destination.id] = fresh
        if known is not None:
            self._retire(known.adapter)
        return fresh

    def pace(self, destination: Destination) -> Pace | None:
        """The rate that the far end publishes; None too where the channel cannot be made. Asked for when an
        event is accepted and when a configuration is taken over: an adapter's fault must stop neither."""
        try:
            return self.channel(destination).adapter.pace
        except DeliveryFailed:
            return None
        except Exception as error:
            log.error("adapter.failed", kind=destination.kind, error=type(error).__name__, exc_info=True)
            return None

    async def prepare(self, destination: Destination) -> Mapping[str, object]:
        """Get the far end ready for settings that are about to be saved; what the adapter learnt of it.

        Raises DeliveryFailed, without a secret in it.
        """
        channel = self._make(destination, self._opened(destination))
        try:
            async with asyncio.timeout(min(channel.adapter.timeout, MAX_ATTEMPT_SECONDS)):
                return await channel.adapter.prepare()
        except TimeoutError:
            raise DeliveryFailed(Reason.TIMEOUT, "the far end took too long") from None
        except DeliveryFailed as failure:
            raise channel.masked_failure(failure) from None
        finally:
            await channel.adapter.close()

    def _opened(self, destination: Destination) -> Mapping[str, str]:
        try:
            return open_secrets(destination, self._secrets)
        except (Invalid, ConfigurationError) as error:
            raise DeliveryFailed(Reason.MISCONFIGURED, str(error)) from error

    def _make(self, destination: Destination, opened: Mapping[str, str]) -> Channel:
        kind = destinations().get(destination.kind)
        if kind is None:
            raise DeliveryFailed(
                Reason.MISCONFIGURED, f"no adapter for kind {destination.kind!r} is installed"
            )
        try:
            config = kind.Config.model_validate(with_secrets(destination.config, opened))
        except ValidationError as error:
            raise DeliveryFailed(Reason.MISCONFIGURED, "the settings do not fit the kind any more") from error
        refers = any(
            self._secrets.refers(sealed, vault_place(destination, field))
            for field, sealed in destination.secrets.items()
        )
        masking = Masking(plain_secrets(config).values())
        try:
            adapter = kind(config, self._tools)
        except Exception as error:
            log.error("adapter.failed", kind=destination.kind, error=type(error).__name__, exc_info=True)
            raise DeliveryFailed(
                Reason.UNEXPECTED, f"the adapter cannot be made: {type(error).__name__}"
            ) from None
        return Channel(destination, adapter, opened, refers, masking)

    def _retire(self, adapter: AnyDestination) -> None:
        task = asyncio.ensure_future(adapter.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def open_secrets(destination: Destination, secrets: Secrets) -> dict[str, str]:
    """A destination's secrets in plain text, by place. Raises what `Secrets.open` raises."""
    return {
        field: secrets.open(sealed, vault_place(destination, field))
        for field, sealed in destination.secrets.items()
    }


def vault_place(destination: Destination, field: str) -> str:
    """Where a secret belongs; the vault binds it to this."""
    return f"{destination.instance_id}|{destination.id}|{field}"


def blank_address(destination: Destination) -> SubscriptionAddress | None:
    """The address of a test where no subscription gives one: every field at its default."""
    kind = destinations().get(destination.kind)
    try:
        return kind.Address() if kind else None
    except ValidationError:
        return None


def _same_settings(known: Channel, new: Destination, opened: Mapping[str, str]) -> bool:
    old = known.destination
    return (old.kind, old.config, known.opened) == (new.kind, new.config, opened)
