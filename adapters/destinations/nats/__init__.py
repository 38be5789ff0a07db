"""NATS: events published to a subject, awaited until a JetStream stream, or the server, has them.

Reference: CloudEvents NATS protocol binding 1.0.2, NATS client protocol and JetStream's error codes (facts:
destinations 24). The delivery's id is the `Nats-Msg-Id`, by which a stream drops repeats. Needs the extra
`nats`. `connection.py` speaks with the server, `failures.py` tells what its refusals mean,
`settings.py` what can be set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.destinations.nats.failures import connect_failure, publish_failure
from adapters.destinations.nats.settings import SEPARATOR, NatsAddress, NatsConfig, endpoint_of
from gateway.spi.cloudevents import encode
from gateway.spi.destination import Destination, Tools
from gateway.spi.loading import load
from gateway.spi.masking import Masking
from gateway.spi.message import Message
from gateway.spi.naming import name_of
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets

if TYPE_CHECKING:
    from adapters.destinations.nats.connection import Connection

ID_HEADER = "Nats-Msg-Id"
EXTRA = ("nats", "nkeys")
MISSING = "NATS needs an extra: pip install 'tocsin[nats]'"

SHARE = 0.9
"""Of an attempt's time, what publishing may take: the rest is for telling that it was sent in vain."""

_HEADER_LINE = 4
_HEADERS_START = 14
"""Bytes that headers take beside names and values: `NATS/1.0` and line ends (NATS client protocol, HPUB)."""


class Nats(Destination[NatsConfig, NatsAddress]):
    """Publishes events over one connection."""

    kind: ClassVar[str] = "nats"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "NATS"
    summary: ClassVar[str] = "CloudEvents to a NATS subject, kept by JetStream."
    Config = NatsConfig
    Address = NatsAddress

    def __init__(self, config: NatsConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        secrets = plain_secrets(config).values()
        self._masking = Masking(
            [*secrets, *(line for one in secrets for line in one.split() if len(line) > 20)]
        )
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, message: Message, address: NatsAddress) -> Receipt:
        """See Destination. Every try carries the same Nats-Msg-Id."""
        subject = name_of(address.subject or self.config.subject, message, SEPARATOR)
        headers, payload, sent = self._content(message)
        kept = self._masking.sent(sent)
        try:
            return await self._published(subject, {ID_HEADER: message.delivery_id, **headers}, payload, kept)
        except DeliveryFailed as failure:
            raise self._masking.failure(failure, kept) from None

    async def prepare(self) -> Mapping[str, Any]:
        """See Destination: settings that cannot be used here, because the extra is missing, are not saved."""
        await _require_extra()
        return {}

    async def close(self) -> None:
        """See Destination."""
        self._closed = True
        for task in self._retiring:
            task.cancel()
        self._retire()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _content(self, message: Message) -> tuple[dict[str, str], bytes, bytes]:
        """Headers, payload, and what to keep of both (binding, sections 3.1 and 3.2)."""
        if self.config.mode == "structured":
            body = encode.structured(message.event)
            return {"Content-Type": f"{encode.STRUCTURED_TYPE}; charset=utf-8"}, body, body
        fields, data = encode.binary(message.event)
        headers = {"ce-datacontenttype" if name == "Content-Type" else name: value for name, value in fields}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return headers, data, b"%b\r\n%b" % (lines.encode("utf-8", "replace"), data)

    async def _published(
        self, subject: str, headers: Mapping[str, str], payload: bytes, kept: bytes
    ) -> Receipt:
        await _require_extra()
        from nats.errors import Error as NatsError

        deadline = asyncio.get_running_loop().time() + self.timeout * SHARE
        connection = await self._connected(deadline)
        _require_room(connection.max_payload, headers, payload)
        left = max(deadline - asyncio.get_running_loop().time(), 0.05)
        try:
            ack = await connection.publish(
                subject, payload, headers, jetstream=self.config.jetstream, timeout=left
            )
        except (NatsError, OSError, ValueError, TypeError) as error:
            failure = publish_failure(error, subject)
            if failure.reason in {Reason.AMBIGUOUS, Reason.UNAUTHORIZED, Reason.UNAVAILABLE}:
                self._retire(connection)
            raise failure from None
        if ack is None:
            return Receipt("flushed", f"published to {subject}", sent=kept)
        repeated = ", a repeat that it dropped" if ack.duplicate else ""
        told = f"published to {subject}; stream {ack.stream} has it{repeated}"
        return Receipt("acked", told, f"{ack.stream}:{ack.seq}", kept)

    async def _connected(self, deadline: float) -> Connection:
        """The connection, opened when there is none; deliveries that come meanwhile wait for it."""
        try:
            async with asyncio.timeout_at(deadline), self._opening:
                if self._closed:
                    raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
                if self._connection is None or self._connection.lost.done():
                    self._retire()
                    self._connection = await self._opened(deadline)
                return self._connection
        except TimeoutError:
            raise DeliveryFailed(Reason.TIMEOUT, f"{self.config.url}: no log-in in time") from None

    async def _opened(self, deadline: float) -> Connection:
        from nats.errors import Error as NatsError
        from nkeys import NkeysError

        from adapters.destinations.nats.connection import Connection

        server = endpoint_of(self.config.url)
        loop = asyncio.get_running_loop()
        sock = await self.tools.dialer.open(server.host, server.port, deadline - loop.time())
        try:
            return await Connection.open(
                sock,
                self.config.url,
                tls=self.tools.tls,
                timeout=max(deadline - loop.time(), 0.05),
                credentials=self.config.log_in,
            )
        except TimeoutError:
            raise
        except (NatsError, NkeysError, OSError, ValueError, TypeError) as error:
            raise connect_failure(error, self.config.url) from None

    def _retire(self, connection: Connection | None = None) -> None:
        """Take a connection out of use, by default the one in use; what is under way on it ends first."""
        retired = connection or self._connection
        if retired is self._connection:
            self._connection = None
        if retired is not None:
            task = asyncio.ensure_future(retired.close(0.0 if self._closed else self.timeout))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)


async def _require_extra() -> None:
    try:
        await load(*EXTRA, "adapters.destinations.nats.connection")
    except ImportError:
        raise DeliveryFailed(Reason.MISCONFIGURED, MISSING) from None


def _require_room(most: int, headers: Mapping[str, str], payload: bytes) -> None:
    """The server closes the connection at what is too large for it."""
    lines = (len(name) + len(value) + _HEADER_LINE for name, value in headers.items())
    size = _HEADERS_START + sum(lines) + len(payload)
    if size > most:
        raise DeliveryFailed(Reason.REJECTED, f"{size} bytes are over the server's max_payload of {most}")
