"""Dispatch, fourth station: one try through the destination's adapter, timed, whatever it does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NamedTuple

import structlog

from gateway.domain.clock import Clock
from gateway.domain.destination import Destination
from gateway.pipeline.channels import Channel, Channels
from gateway.spi.destination import MAX_ATTEMPT_SECONDS, SubscriptionAddress
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt

log = structlog.get_logger()

GRACE_SECONDS = 1.0
"""What an adapter has beyond its own timeout to say whether something was sent before it."""


class Outcome(NamedTuple):
    """How one try ended: a receipt or a failure, when it began (epoch) and how long it took (seconds)."""

    started_at: float
    duration: float
    receipt: Receipt | None = None
    failure: DeliveryFailed | None = None


async def send(
    channels: Channels,
    destination: Destination,
    address: SubscriptionAddress | None,
    message: Message,
    clock: Clock,
) -> Outcome:
    """Try once. Never raises, except when it is cancelled itself. Without an address it is misconfigured."""
    started_at, began = clock.now(), clock.monotonic()
    receipt, failure = None, None
    try:
        channel = channels.channel(destination)
        if address is None:
            raise DeliveryFailed(Reason.MISCONFIGURED, "the subscription's address cannot be read")
        receipt = await _deliver(channel, message, address)
        if message.note:
            receipt = replace(receipt, detail=f"{message.note}; {receipt.detail}".removesuffix("; "))
    except DeliveryFailed as error:
        failure = error
    return Outcome(started_at, clock.monotonic() - began, receipt, failure)


async def _deliver(channel: Channel, message: Message, address: SubscriptionAddress) -> Receipt:
    """One call of an adapter. Whatever comes of it, no secret of the destination is in it."""
    adapter = channel.adapter
    try:
        async with asyncio.timeout(min(adapter.timeout, MAX_ATTEMPT_SECONDS) + GRACE_SECONDS):
            return channel.masked(await adapter.deliver(message, address))
    except DeliveryFailed as error:
        raise channel.masked_failure(error) from None
    except TimeoutError:
        raise DeliveryFailed(Reason.TIMEOUT, "the attempt took too long") from None
    except Exception as error:
        log.error("adapter.failed", kind=adapter.kind, error=type(error).__name__, exc_info=True)
        raise DeliveryFailed(Reason.UNEXPECTED, f"the adapter failed: {type(error).__name__}") from None
