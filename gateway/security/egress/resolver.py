"""Names to addresses: the system's resolver, in threads of its own, bounded, with a short memory.

getaddrinfo blocks for as long as the name's servers like and cannot be stopped. So each lookup has a
daemon thread of its own (nobody else's work waits behind a dead name, nor does the end of the process),
there is one lookup per name at a time, and a caller that gives up leaves it to end by itself. Whether
an address may be dialled is not decided here.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from gateway.domain.clock import Clock
from gateway.security.egress.errors import NameUnresolved

TTL = 30.0
"""Seconds an answer is remembered; connections live longer, so this only spares bursts."""

FAILURE_TTL = 2.0
"""Seconds a failure is remembered."""

MAX_NAMES = 1024
MAX_LOOKUPS = 128

Lookup = Callable[[str], Sequence[str]]


class Resolver(Protocol):
    """Finds the addresses of a host."""

    async def resolve(self, host: str) -> Sequence[str]:
        """Addresses as text, best first, at least one. Raises NameUnresolved. The caller limits the time."""

    async def close(self) -> None:
        """Forget everything; called once."""


class _Known(NamedTuple):
    addresses: Sequence[str]
    failure: str
    until: float


class SystemResolver:
    """The machine's own resolver (hosts file, search domains, DNS)."""

    def __init__(self, clock: Clock, lookup: Lookup | None = None) -> None:
        self._clock = clock
        self._lookup = lookup or getaddrinfo
        self._known: dict[str, _Known] = {}
        self._running: dict[str, asyncio.Future[_Known]] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """See Resolver."""
        known = self._known.get(host)
        if known is None or known.until <= self._clock.monotonic():
            # Shielded: the lookup is shared, and its answer is worth keeping when this caller gives up.
            known = await asyncio.shield(self._running.get(host) or self._start(host))
        if known.failure:
            raise NameUnresolved(f"{host}: {known.failure}")
        return known.addresses

    async def close(self) -> None:
        """Forget everything, and answer those who still wait."""
        for host, running in list(self._running.items()):
            self._finish(host, running, self._failed("the resolver is closed"))
        self._known.clear()

    def _start(self, host: str) -> asyncio.Future[_Known]:
        if len(self._running) >= MAX_LOOKUPS:
            raise NameUnresolved(f"{host}: too many name lookups are under way")
        loop = asyncio.get_running_loop()
        running: asyncio.Future[_Known] = loop.create_future()
        threading.Thread(target=self._run, args=(host, loop, running), name="resolver", daemon=True).start()
        self._running[host] = running
        return running

    def _run(self, host: str, loop: asyncio.AbstractEventLoop, running: asyncio.Future[_Known]) -> None:
        """In a thread; the loop may be closed by the time the answer comes."""
        known = self._look_up(host)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._finish, host, running, known)

    def _look_up(self, host: str) -> _Known:
        try:
            addresses = self._lookup(host)
        except socket.gaierror as error:
            return self._failed(f"the name cannot be resolved ({error.strerror})")
        except Exception:  # noqa: BLE001 - whoever waits must get an answer
            return self._failed("the name cannot be resolved")
        if not addresses:
            return self._failed("the name has no address")
        return _Known(addresses, "", self._clock.monotonic() + TTL)

    def _failed(self, failure: str) -> _Known:
        return _Known((), failure, self._clock.monotonic() + FAILURE_TTL)

    def _finish(self, host: str, running: asyncio.Future[_Known], known: _Known) -> None:
        if running.done():
            return
        running.set_result(known)
        del self._running[host]
        while len(self._known) >= MAX_NAMES:
            del self._known[next(iter(self._known))]
        self._known[host] = known


def getaddrinfo(host: str) -> Sequence[str]:
    """Blocking lookup; link-local addresses keep their scope, which the guard refuses."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
