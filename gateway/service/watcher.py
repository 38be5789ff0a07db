"""The heartbeat to a watcher outside: as long as this gateway is ready, it says so every minute.

Whoever watches the backups is watched itself: when the pings stop, the watcher raises the alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.domain.clock import Clock
from gateway.spi.outcome import DeliveryFailed
from gateway.spi.transport import HttpClient, HttpRequest, failure_of
from gateway.spi.url import Url
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

PING_SECONDS = 60.0
TIMEOUT = 10.0


class Watcher:
    """Pings a URL with GET. `problem` tells why this gateway is not ready, '' when it is."""

    def __init__(
        self,
        url: Url,
        http: HttpClient,
        problem: Callable[[], Awaitable[str]],
        clock: Clock,
        metrics: Metrics,
        *,
        every: float = PING_SECONDS,
    ) -> None:
        self._url, self._http, self._problem = url, http, problem
        self._clock, self._metrics, self._every = clock, metrics, every

    async def run(self, stopping: asyncio.Event) -> None:
        """Ping until `stopping` is set."""
        while not stopping.is_set():
            await self.ping()
            try:
                async with asyncio.timeout(self._every):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def ping(self) -> bool:
        """Ping once, if this gateway is ready; whether the watcher heard it. Its URL is a secret of sorts:
        no line names it."""
        if await self._problem():
            return False
        reason = await self._reason()
        self._metrics.watcher_pings.labels(reason).inc()
        if reason:
            log.warning("watcher.not_reached", reason=reason)
        return not reason

    async def _reason(self) -> str:
        try:
            answer = await self._http.send(HttpRequest("GET", self._url, timeout=TIMEOUT))
            failure = failure_of(answer, self._clock.now())
        except DeliveryFailed as error:
            failure = error
        return "" if failure is None else failure.reason.value
