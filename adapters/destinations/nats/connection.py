"""One connection to a NATS server, through the egress guard, opened when needed and shared by all deliveries.

nats-py has a class for its transport; ours is given a socket that the guard opened. It reconnects nowhere by
itself: what a server names as its neighbours never passed the guard. Imports the extra, so it is loaded when
it is needed.

Five traps of nats-py 2.16: it goes on in plain text where a server asks for no TLS; it tells nobody who
waits for an answer that the connection is gone; a PONG that nobody waits for any more ends its reading; its
flush sends the PING before what was published, so that the PONG proves nothing of that; it keeps what a
server sends until a line or a message is whole, however long that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import ParseResult

from nats.aio.client import Client, RawCredentials
from nats.aio.transport import TcpTransport
from nats.errors import Error as NatsError
from nats.errors import SecureConnRequiredError
from nats.js.api import PubAck

_VIOLATION = re.compile(r"Permissions Violation for \w+ to \"?([^\"\s]+)", re.IGNORECASE)
CLOSE_SECONDS = 2.0
MAX_UNREAD = 256 * 1024
"""Bytes of a line or a message that is not whole yet. What a server has to say is shorter: acknowledgements,
and the names of its neighbours."""


class LostError(NatsError):
    """The connection went away while an answer was waited for."""


class NotAllowedError(NatsError):
    """The server lets this user not publish there, or hear the answer."""


class GuardedTransport(TcpTransport):
    """Speaks over one socket that is open already, and says nothing in plain text that is to be secret."""

    def __init__(self, sock: socket.socket, *, demand_tls: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # untyped upstream
        self._sock: socket.socket | None = sock
        self._plain = not demand_tls
        self.unread: Callable[[], int] = lambda: 0
        """How many bytes were read and not understood yet."""

    def __bool__(self) -> bool:
        """There from the start, so that the client makes none of its own."""
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Take the socket; there is no second one."""
        sock, self._sock = self._sock, None
        if sock is None:
            raise ConnectionError("the connection is gone")
        self._bare_io_reader, self._bare_io_writer = await asyncio.open_connection(
            sock=sock, limit=buffer_size
        )
        self._io_reader, self._io_writer = self._bare_io_reader, self._bare_io_writer

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        """Begin TLS on the connection."""
        await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
        self._plain = True

    async def read(self, buffer_size: int) -> bytes:
        """Read more. Raises ConnectionError where it comes to too much."""
        if self.unread() > MAX_UNREAD:
            raise ConnectionError("the server sends more than it has to say")
        read: bytes = await super().read(buffer_size)
        return read

    def write(self, payload: bytes) -> None:
        """Send; the first that is sent holds the credentials."""
        if not self._plain:
            raise SecureConnRequiredError
        super().write(payload)  # type: ignore[no-untyped-call] # untyped upstream

    def close(self) -> None:
        """Close, whether it was used or not."""
        if self._sock is not None:
            self._sock.close()
        super().close()  # type: ignore[no-untyped-call] # untyped upstream


class Connection:
    """A server that took our credentials. Of no more use once `lost` is done."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._works: set[asyncio.Task[PubAck | None]] = set()
        self._refused: dict[str, str] = {}
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        sock: socket.socket,
        url: str,
        *,
        tls: ssl.SSLContext,
        timeout: float,
        credentials: dict[str, Any],
    ) -> Connection:
        """Log in over a socket. Raises what nats-py raises, OSError and TimeoutError; then it is closed."""
        client = Client()
        made = cls(client)
        transport = GuardedTransport(sock, demand_tls=url.startswith("tls://"))
        client._transport = transport
        transport.unread = lambda: len(client._ps.buf)
        raw = credentials.pop("credentials", None)
        try:
            async with asyncio.timeout(timeout):
                await client.connect(
                    url,
                    error_cb=made._note,
                    closed_cb=made._lose,
                    disconnected_cb=made._lose,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=timeout,  # type: ignore[arg-type]  # a float will do
                    tls=tls,
                    user_credentials=RawCredentials(raw) if raw else None,
                    **credentials,
                )
                if not client.is_connected:
                    raise NatsError("nats: the server did not take the log-in")
        except BaseException:
            made._close_at_once()
            raise
        return made

    @property
    def max_payload(self) -> int:
        """Bytes that the server takes in one message, headers included."""
        return self._client.max_payload

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, jetstream: bool, timeout: float
    ) -> PubAck | None:
        """Publish and wait until the stream, or without JetStream the server, has it.

        Goes on by itself when the caller is cancelled. Raises what nats-py raises, LostError and
        NotAllowedError.
        """
        work = asyncio.ensure_future(self._publish(subject, payload, dict(headers), jetstream, timeout))
        self._works.add(work)
        work.add_done_callback(self._ended)
        while True:
            waiting: set[asyncio.Future[Any]] = {work, self.lost, self._told}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if refusal := self._refusal(subject):
                work.cancel()
                raise NotAllowedError(refusal)
            if work.done():
                return work.result()
            if self.lost.done():
                work.cancel()
                raise LostError("the connection was lost")

    async def close(self, patience: float) -> None:
        """Give what is under way `patience` seconds to end, and close."""
        try:
            if self._works and patience:
                await asyncio.wait(self._works, timeout=patience)
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._client.close()
        finally:
            self._close_at_once()
            await asyncio.gather(*self._works, return_exceptions=True)

    def _close_at_once(self) -> None:
        for task in (
            *self._works,
            self._client._reading_task,
            self._client._ping_interval_task,
            self._client._flusher_task,
        ):
            if task is not None:
                task.cancel()
        if self._client._transport is not None:
            self._client._transport.close()  # type: ignore[no-untyped-call] # untyped upstream
        if not self.lost.done():
            self.lost.set_result(None)

    async def _publish(
        self, subject: str, payload: bytes, headers: dict[str, str], jetstream: bool, timeout: float
    ) -> PubAck | None:
        if jetstream:
            return await self._client.jetstream(timeout=timeout).publish(subject, payload, headers=headers)
        await self._client.publish(subject, payload, headers=headers)
        await self._client._flush_pending(force_flush=True)
        await self._client.flush(timeout)  # type: ignore[arg-type]  # a float will do
        return None

    def _ended(self, work: asyncio.Task[PubAck | None]) -> None:
        self._works.discard(work)
        if not work.cancelled():
            work.exception()

    async def _note(self, error: Exception) -> None:
        violation = _VIOLATION.search(str(error))
        if violation:
            self._refused[violation[1].lower()] = str(error)
            told, self._told = self._told, asyncio.get_running_loop().create_future()
            told.set_result(None)

    def _refusal(self, subject: str) -> str:
        """Permissions stand until the next log-in, so what was refused once stays so on this connection.

        nats-py tells of it in lower case.
        """
        inbox = (text for name, text in self._refused.items() if name.startswith("_inbox"))
        return self._refused.get(subject.lower()) or next(inbox, "")

    async def _lose(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
