"""Handing mail over to one server through a few connections kept open (facts: destinations 2.3).

A connection carries one mail at a time. Idle ones are closed after half a minute; nothing here tries a
mail twice.
"""

from __future__ import annotations

import asyncio

from aiosmtplib import SMTPException, SMTPResponse

from adapters.destinations.email.replies import Stage, failure_of
from adapters.destinations.email.session import IDLE_SECONDS, Session
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.relay import Relay

MAX_CONNECTIONS = 4


class Mailer:
    """Sends mail through one relay. `timeout` is in seconds for a mail, waiting for a connection included."""

    def __init__(self, relay: Relay, tools: Tools, timeout: float) -> None:
        self._relay = relay
        self._tools = tools
        self._timeout = timeout
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._idle: list[Session] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, sender: str, recipient: str, content: bytes) -> SMTPResponse:
        """Hand over one mail, once. Raises DeliveryFailed."""
        session: Session | None = None
        try:
            async with asyncio.timeout(self._timeout), self._slots:
                session = self._take()
                try:
                    return await session.send(sender, recipient, content)
                finally:
                    self._give_back(session)
        except (SMTPException, OSError, ValueError) as error:
            stage = session.stage if session else Stage.WAITING
            server = f"{self._relay.host}:{self._relay.port}"
            raise failure_of(error, stage, server) from None

    async def close(self) -> None:
        """Say QUIT on every idle connection; whatever is sent later is refused."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.quit() for session in idle))

    def _take(self) -> Session:
        if self._closed:
            raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
        return self._idle.pop() if self._idle else Session(self._relay, self._tools, self._timeout)

    def _give_back(self, session: Session) -> None:
        if self._closed:
            session.leave()
            return
        self._idle.append(session)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long; come again while anything is open."""
        self._sweeping = None
        for session in self._idle:
            if session.is_stale:
                session.leave()
        self._idle = [session for session in self._idle if not session.is_stale]
        if self._idle:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)
