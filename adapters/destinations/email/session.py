"""One connection to a mail server, opened when needed and used again while it is good (RFC 5321, RFC 8314).

TLS is required where it is configured: a server that offers none gets no mail. Credentials travel only
over TLS, in one attempt of one method. After anything unclear the connection is thrown away, because
aiosmtplib's dialogue is out of step after a cancelled command (facts: destinations 2.2).
"""

from __future__ import annotations

import asyncio

from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException, SMTPServerDisconnected

from adapters.destinations.email.replies import Stage
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.relay import Relay, Security

MAX_MAILS = 100
"""Mails over one connection; many servers drop it after about as many."""

IDLE_SECONDS = 30.0
PROBE_AFTER_SECONDS = 10.0
"""Idle time after which a connection is closed, and after which NOOP asks whether it still works."""

QUIT_SECONDS = 2.0
START_INPUT, COMPLETED = 354, 250


class Session:
    """Sends one mail at a time. `stage` tells how far the last one came."""

    def __init__(self, relay: Relay, tools: Tools, timeout: float) -> None:
        self.stage = Stage.WAITING
        self._relay = relay
        self._tools = tools
        self._timeout = timeout
        self._client: SMTP | None = None
        self._mails = 0
        self._used_at = 0.0

    @property
    def is_stale(self) -> bool:
        """Whether it has been idle for too long, or is closed anyway."""
        return self._client is None or self._idle >= IDLE_SECONDS

    @property
    def _idle(self) -> float:
        return self._tools.clock.monotonic() - self._used_at

    async def send(self, sender: str, recipient: str, content: bytes) -> SMTPResponse:
        """Hand over one mail to one recipient. Raises DeliveryFailed and what `replies.failure_of` takes."""
        try:
            client = await self._with_sender(sender, recipient, content)
            self.stage = Stage.RECIPIENT
            await client.rcpt(recipient, encoding="utf-8")
            reply = await self._content(client, content)
        except SMTPResponseException:
            await self._reset()
            raise
        except BaseException:
            self.discard()
            raise
        self._count()
        return reply

    def discard(self) -> None:
        """Drop the connection at once, and with it whatever was not sent yet."""
        client, self._client = self._client, None
        if client is not None:
            if isinstance(client.transport, asyncio.WriteTransport):
                client.transport.abort()
            client.close()

    async def quit(self) -> None:
        """Say QUIT, wait a little for the answer, close."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                await client.quit(timeout=QUIT_SECONDS)
            except (OSError, SMTPException):
                client.close()

    def leave(self) -> None:
        """Say QUIT and close, without waiting for an answer."""
        client, self._client = self._client, None
        if client is not None and client.is_connected and client.protocol is not None:
            client.protocol.write(b"QUIT\r\n")
            client.close()

    async def _with_sender(self, sender: str, recipient: str, content: bytes) -> SMTP:
        """A client that has taken MAIL. A connection used before proves by it that it still works."""
        client = await self._reusable()
        if client is not None:
            try:
                await self._mail(client, sender, recipient, content)
            except SMTPServerDisconnected:
                self.discard()
            except SMTPResponseException as refusal:
                if refusal.code != 421:
                    raise
                self.discard()
            else:
                return client
        client = await self._open()
        await self._mail(client, sender, recipient, content)
        return client

    async def _mail(self, client: SMTP, sender: str, recipient: str, content: bytes) -> None:
        self.stage = Stage.SENDER
        options = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
        if not (sender + recipient).isascii():
            if not client.supports_extension("smtputf8"):
                raise DeliveryFailed(Reason.REJECTED, "the mail server takes no addresses beyond ASCII")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        await client.mail(sender, options=options, encoding="utf-8")

    async def _content(self, client: SMTP, content: bytes) -> SMTPResponse:
        """DATA and the content, apart: only once the second is written may the mail have been taken."""
        ready = await client.execute_command(b"DATA")
        if ready.code != START_INPUT or client.protocol is None:
            raise SMTPResponseException(ready.code, ready.message)
        self.stage = Stage.CONTENT
        client.protocol.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = await client.protocol.read_response()
        if reply.code != COMPLETED:
            raise SMTPResponseException(reply.code, reply.message)
        return reply

    async def _reusable(self) -> SMTP | None:
        client = self._client
        if client is None or not client.is_connected or self.is_stale:
            self.discard()
            return None
        if self._idle >= PROBE_AFTER_SECONDS:
            try:
                await client.noop()
            except (SMTPServerDisconnected, SMTPResponseException):
                self.discard()
                return None
        return client

    async def _open(self) -> SMTP:
        self.stage = Stage.CONNECT
        self._mails = 0
        relay, tls = self._relay, self._tools.tls
        implicit = relay.security is Security.TLS
        sock = await self._tools.dialer.open(relay.host, relay.port, self._timeout)
        client = SMTP(
            hostname=relay.host,
            local_hostname=self._tools.domain,
            timeout=self._timeout,
            use_tls=implicit,
            start_tls=False,
            tls_context=tls,
        )
        self._client = client
        await client.connect(sock=sock)
        await client.ehlo()
        if relay.security is Security.STARTTLS:
            await self._start_tls(client)
        await self._log_in(client)
        return client

    async def _start_tls(self, client: SMTP) -> None:
        self.stage = Stage.TLS
        if not client.supports_extension("starttls"):
            raise DeliveryFailed(Reason.TLS, "the mail server offers no STARTTLS, which is required")
        await client.starttls()
        await client.ehlo()

    async def _log_in(self, client: SMTP) -> None:
        relay = self._relay
        if not relay.user:
            return
        self.stage = Stage.AUTH
        method = next((name for name in relay.methods if name in client.server_auth_methods), None)
        if relay.security is Security.NONE or method is None:
            wanted = " or ".join(relay.methods).upper()
            raise DeliveryFailed(
                Reason.MISCONFIGURED, f"the mail server offers no log-in by {wanted} over TLS"
            )
        log_in = client.auth_plain if method == "plain" else client.auth_login
        await log_in(relay.user, relay.password)

    async def _reset(self) -> None:
        """Ready for the next mail after a refusal (RFC 5321 section 4.1.1.5), if it was one of a mail."""
        client, self._used_at = self._client, self._tools.clock.monotonic()
        if self.stage < Stage.SENDER or client is None or not client.is_connected:
            return self.discard()
        try:
            await client.rset()
        except (OSError, SMTPResponseException):
            self.discard()
        except BaseException:
            self.discard()
            raise

    def _count(self) -> None:
        self._mails += 1
        self._used_at = self._tools.clock.monotonic()
        if self._mails >= MAX_MAILS:
            self.leave()
