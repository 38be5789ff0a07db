"""One connection to an MQTT broker, through the egress guard, shared by all deliveries.

paho speaks MQTT; the socket, its TLS and when it is read and written are ours. aiomqtt is not used: it takes
a refused message for a published one, because it does not look at the reason of an acknowledgement. Nothing
here reconnects or sends anything again. Imports the extra, so it is loaded when it is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, ConnectFlags, DisconnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from adapters.destinations.mqtt.handshake import secured
from adapters.destinations.mqtt.publication import Publication

KEEPALIVE_SECONDS = 30
TEND_SECONDS = 10.0
MOST_UNDER_WAY = 65_535
"""Messages that may wait for an acknowledgement, where the broker states no bound of its own."""
MAX_READ = 256 * 1024
"""Bytes of a packet that is read. Nothing is subscribed to, so what a broker has to say is short."""


class BrokerError(Exception):
    """The broker refused: the log-in, a message, or to go on; `code` is its reason (MQTT 5, section 2.4)."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"0x{code:02X} {words}")
        self.code = code


class LostError(Exception):
    """The connection went away. `refusal` is what the broker said to that, if it did; `alone`: no other
    message was under way; `sent`: this one may have gone out before."""

    def __init__(self, refusal: BrokerError | None = None, *, alone: bool = True, sent: bool = True) -> None:
        super().__init__(str(refusal or "the connection was lost"))
        self.refusal, self.alone, self.sent = refusal, alone, sent


class _Paho(Client):
    """paho over one socket that is open already."""

    def __init__(self, sock: socket.socket, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self._given: socket.socket | None = sock

    def _create_socket(self) -> socket.socket:
        sock, self._given = self._given, None
        if sock is None:
            raise ConnectionError("the connection is gone")
        return sock

    def _sock_recv(self, bufsize: int) -> bytes:
        """paho asks for all that a packet still lacks, and would keep up to 256 MiB of one."""
        if bufsize > MAX_READ:
            raise ConnectionError("the broker sends more than it has to say")
        return super()._sock_recv(bufsize)


class CrowdedError(Exception):
    """There was no place for one more message in time: nothing was sent."""


class Connection:
    """A broker that took our log-in. Of no more use once `lost` is done."""

    def __init__(self, paho: _Paho, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._paho, self._sock = loop, paho, sock
        self._fd = sock.fileno()
        self._taken: asyncio.Future[Properties | None] = loop.create_future()
        self._waiting: dict[int, asyncio.Future[ReasonCode]] = {}
        self._tending: asyncio.Task[None] | None = None
        self._refusal: BrokerError | None = None
        self._places = asyncio.Semaphore(1)
        self.lost: asyncio.Future[None] = loop.create_future()
        self.max_packet = 0
        """Bytes that the broker takes in one packet; 0 where it states no bound."""

    @classmethod
    async def open(
        cls,
        sock: socket.socket,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        client_id: str,
        user: str,
        password: str,
    ) -> Connection:
        """Log in over a socket. Raises BrokerError, LostError and OSError; then it is closed."""
        try:
            ready = await secured(sock, tls, host) if tls else sock
        except BaseException:
            sock.close()
            raise
        paho = _Paho(ready, client_id)
        paho.max_inflight_messages_set(MOST_UNDER_WAY)
        if user:
            paho.username_pw_set(user, password or None)
        made = cls(paho, ready)
        try:
            made._hook()
            paho.connect(host, port, keepalive=KEEPALIVE_SECONDS)
            made._accept(await made._taken)
        except BaseException:
            made._drop()
            raise
        made._tending = asyncio.ensure_future(made._tend())
        return made

    async def publish(self, publication: Publication, deadline: float) -> ReasonCode:
        """Publish with QoS 1 and wait for the acknowledgement, whose reason is returned.

        Raises BrokerError for a reason that is an error, LostError, and when `deadline` (of the loop's clock)
        has come, CrowdedError if earlier messages took all places until then, TimeoutError if it was sent.
        """
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            raise CrowdedError from None
        try:
            async with asyncio.timeout_at(deadline):
                reason = await self._published(publication)
        finally:
            self._places.release()
        if reason.is_failure:
            raise _refused(reason)
        return reason

    async def close(self, patience: float) -> None:
        """Give what is under way `patience` seconds to end, say goodbye and close."""
        try:
            if self._waiting and patience:
                await asyncio.wait(set(self._waiting.values()), timeout=patience)
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._paho.disconnect()
                self._paho.loop_write()
            self._drop()
            if self._tending is not None:
                await asyncio.gather(self._tending, return_exceptions=True)

    async def _published(self, publication: Publication) -> ReasonCode:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # untyped upstream
        properties.ContentType = publication.content_type
        properties.CorrelationData = publication.correlation
        if publication.user_properties:
            properties.UserProperty = list(publication.user_properties)
        sent = self._paho.publish(publication.topic, publication.payload, 1, publication.retain, properties)
        if sent.rc != MQTT_ERR_SUCCESS:
            raise LostError(self._refusal, sent=False)
        acknowledged: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._waiting[sent.mid] = acknowledged
        try:
            return await acknowledged
        finally:
            self._waiting.pop(sent.mid, None)

    def _hook(self) -> None:
        """Have paho's socket read and written by this loop, and its answers come here."""
        paho = self._paho
        paho.on_socket_open = lambda *_: self._loop.add_reader(self._fd, self._read)
        paho.on_socket_register_write = self._want_to_write
        paho.on_socket_unregister_write = self._want_to_write_no_more
        paho.on_socket_close = lambda *_: self._forget_socket()
        paho.on_connect = self._on_connect
        paho.on_disconnect = self._on_disconnect
        paho.on_publish = self._on_publish

    def _accept(self, properties: Properties | None) -> None:
        """What the broker states of itself (MQTT 5, section 3.2.2.3)."""
        self.max_packet = getattr(properties, "MaximumPacketSize", 0)
        self._places = asyncio.Semaphore(getattr(properties, "ReceiveMaximum", MOST_UNDER_WAY))

    def _want_to_write(self, *_: Any) -> None:
        if self._fd >= 0:
            self._loop.add_writer(self._fd, self._write)

    def _want_to_write_no_more(self, *_: Any) -> None:
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)

    def _read(self) -> None:
        try:
            self._paho.loop_read()
            # What TLS has decrypted already wakes no loop.
            while isinstance(self._sock, ssl.SSLSocket) and self._sock.fileno() >= 0 and self._sock.pending():
                self._paho.loop_read()
        except Exception:  # noqa: BLE001  whatever paho makes of hostile bytes ends this connection
            self._drop()

    def _write(self) -> None:
        try:
            self._paho.loop_write()
        except Exception:  # noqa: BLE001  as above
            self._drop()

    async def _tend(self) -> None:
        """Pings, and notices where no answer comes."""
        while not self.lost.done():
            await asyncio.wait({self.lost}, timeout=TEND_SECONDS)
            with contextlib.suppress(OSError):
                self._paho.loop_misc()

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._taken.done():
            return
        if reason.is_failure:
            self._taken.set_exception(_refused(reason))
        else:
            self._taken.set_result(properties)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.is_failure:
            self._refusal = _refused(reason)
        self._lose()

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        waiting = self._waiting.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason)

    def _drop(self) -> None:
        """Close at once. paho is left as it is: it is of no more use."""
        self._forget_socket()
        self._sock.close()
        self._lose()

    def _forget_socket(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def _lose(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        alone = len(self._waiting) == 1
        if not self._taken.done():
            self._taken.set_exception(LostError(self._refusal))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LostError(self._refusal, alone=alone))
        # The log-in may have nobody waiting for it any more.
        if not self._taken.cancelled():
            self._taken.exception()


def _refused(reason: ReasonCode) -> BrokerError:
    return BrokerError(reason.value, reason.getName())
