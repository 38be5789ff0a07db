"""The HTTP client: one request, one answer, one timeout for everything."""

from __future__ import annotations

import asyncio
import ssl

from gateway.spi.destination import SocketDialer
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer, HttpRequest
from gateway.spi.url import Url
from gateway.transport.connection import Connection
from gateway.transport.limits import Limits
from gateway.transport.pool import Pool
from gateway.transport.request import encode
from gateway.transport.tls import client_context, explain

DEFAULT_LIMITS = Limits()


class GuardedHttpClient:
    """A `gateway.spi.transport.HttpClient` whose every socket comes from the egress guard.

    It belongs to the event loop it is first used in. `user_agent` is sent unless a request brings its own.
    """

    def __init__(
        self,
        dialer: SocketDialer,
        *,
        user_agent: str,
        limits: Limits = DEFAULT_LIMITS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._dialer = dialer
        self._user_agent = user_agent
        self._limits = limits
        self._tls = tls or client_context()
        self._pool = Pool(limits, self._connect)

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status.

        Raises DeliveryFailed: misconfigured, unsupported, blocked_address, unavailable, timeout and tls
        before anything was sent, ambiguous once something was.
        """
        message = encode(request, self._user_agent, self._limits)
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadline = now + min(request.timeout, self._limits.request_seconds)
        origin = request.url.origin
        while True:
            connection = self._pool.take(origin, now) or await self._pool.open(request.url, deadline)
            fresh = connection.fresh
            try:
                answering = connection.exchange(message, request.method, deadline)
                if answering is not None:
                    return await answering
            finally:
                now = loop.time()
                self._pool.release(origin, connection, now)
            if fresh:
                raise DeliveryFailed(
                    Reason.UNAVAILABLE, f"{request.url.authority} closed the connection before it was used"
                )

    async def close(self) -> None:
        """Close every connection; whoever still waits for an answer gets DeliveryFailed."""
        await self._pool.close()

    async def _connect(self, url: Url, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        sock = await self._dialer.open(url.host, url.port, deadline - loop.time())
        context = self._tls if url.scheme == "https" else None
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, sock, url.authority, self._limits),
                    sock=sock,
                    ssl=context,
                    server_hostname=url.host if context else None,
                )
        except TimeoutError as error:
            raise DeliveryFailed(Reason.TIMEOUT, f"{url.authority}: no TLS handshake in time") from error
        except ssl.SSLError as error:
            raise DeliveryFailed(Reason.TLS, f"{url.authority}: {explain(error)}") from error
        except OSError as error:
            reason = Reason.TLS if context else Reason.UNAVAILABLE
            raise DeliveryFailed(reason, f"{url.authority}: {explain(error)}") from error
        return connection
