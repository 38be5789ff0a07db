"""Callbacks of channels: judged by their kind, kept as receipts beside the delivery, changing no state."""

from __future__ import annotations

import structlog

from gateway.domain.errors import Forbidden, NotFound
from gateway.domain.ids import DeliveryId, DestinationId
from gateway.pipeline.channels import Channel, Channels
from gateway.pipeline.snapshot import Current
from gateway.ports import Ledger
from gateway.spi.callback import Callback, CallbackRefused
from gateway.spi.outcome import DeliveryFailed, clean_line

MAX_WORD = 64
"""Characters of a status or a code."""

log = structlog.get_logger()


class Callbacks:
    """What channels say after they have taken a message."""

    def __init__(self, current: Current, channels: Channels, ledger: Ledger) -> None:
        self._current, self._channels, self._ledger = current, channels, ledger

    async def take(self, destination_id: str, delivery_id: str, callback: Callback) -> None:
        """Keep what a callback says of a delivery.

        Raises NotFound for a destination or a delivery that is not there, Forbidden for a callback that the
        kind does not take for genuine.
        """
        try:
            receipt = self._channel(destination_id).adapter.receipt_of(callback)
        except CallbackRefused as refusal:
            # The address is what a proxy or a wrong TOCSIN_PUBLIC_URL spoils most often.
            log.warning(
                "callback.refused", destination_id=destination_id, url=callback.url, detail=str(refusal)
            )
            raise Forbidden("callback_refused", str(refusal)) from None
        cleaned = receipt._replace(
            received_at=callback.received_at,
            status=clean_line(receipt.status, MAX_WORD),
            code=clean_line(receipt.code, MAX_WORD),
            detail=clean_line(receipt.detail),
            vendor_id=clean_line(receipt.vendor_id),
        )
        if not await self._ledger.add_receipt(
            DestinationId(destination_id), DeliveryId(delivery_id), cleaned
        ):
            raise NotFound("delivery_not_found", f"there is no delivery {delivery_id!r}")

    def _channel(self, destination_id: str) -> Channel:
        destination = self._current.snapshot.destinations.get(DestinationId(destination_id))
        try:
            if destination is not None:
                return self._channels.channel(destination)
        except DeliveryFailed:
            pass
        raise NotFound("destination_not_found", f"there is no destination {destination_id!r} to call back")
