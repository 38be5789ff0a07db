"""The egress guard in the words of deliveries: every socket that an adapter or the HTTP client gets."""

from __future__ import annotations

import socket

from gateway.security.egress import BlockedAddress, Dialer, DialTimeout, EgressError
from gateway.spi.outcome import DeliveryFailed, Reason


class GuardedDialer:
    """A `gateway.spi.destination.SocketDialer` over the guard."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    async def open(self, host: str, port: int, timeout: float) -> socket.socket:
        """See SocketDialer."""
        try:
            return await self._dialer.open(host, port, timeout)
        except EgressError as error:
            raise DeliveryFailed(_reason(error), str(error)) from error


def _reason(error: EgressError) -> Reason:
    if isinstance(error, BlockedAddress):
        return Reason.BLOCKED_ADDRESS
    return Reason.TIMEOUT if isinstance(error, DialTimeout) else Reason.UNAVAILABLE
