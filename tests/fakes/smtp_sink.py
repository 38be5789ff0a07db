"""A real aiosmtpd server that keeps the mail it gets and misbehaves as it is told.

    async with SmtpSink(starttls=context, users={"ops": "secret"}) as sink:
        sink.script["RCPT"] = "451 4.7.1 greylisted"        # or DROP, or HANG
        ...                                                  # sink.port, sink.mails

Scripted are the commands, `CONNECT` (in place of the greeting) and `CONTENT` (after the final dot);
`LOST` is noted when a connection has ended.
"""

from __future__ import annotations

import asyncio
import email.message
import email.policy
import functools
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Fault(Enum):
    """In place of a reply: close the connection, or say nothing until the test ends."""

    DROP = "drop"
    HANG = "hang"


DROP, HANG = Fault.DROP, Fault.HANG


@dataclass(frozen=True)
class Mail:
    """One mail as it was taken; `user` is who was logged in."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    tls: bool
    user: str

    @property
    def message(self) -> email.message.EmailMessage:
        """The mail read by the standard library."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def part(self, subtype: str) -> str:
        """The text of one alternative."""
        return self.message.get_body((subtype,)).get_content().replace("\r\n", "\n")


def _scripted(command: str) -> Any:
    original = getattr(SMTP, f"smtp_{command}")

    @functools.wraps(original)
    async def method(self: _Server, arg: str | None) -> None:
        if not await self.event_handler.act(self, command):
            await original(self, arg)

    return method


class _Server(SMTP):
    smtp_EHLO = _scripted("EHLO")
    smtp_STARTTLS = _scripted("STARTTLS")
    smtp_AUTH = _scripted("AUTH")
    smtp_MAIL = _scripted("MAIL")
    smtp_RCPT = _scripted("RCPT")
    smtp_DATA = _scripted("DATA")
    smtp_NOOP = _scripted("NOOP")
    smtp_RSET = _scripted("RSET")
    smtp_QUIT = _scripted("QUIT")

    async def _handle_client(self) -> None:
        if not await self.event_handler.act(self, "CONNECT"):
            await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.note("LOST")


class SmtpSink:
    """`commands` counts what clients said, `connections` is `commands["CONNECT"]`. `recipients` holds
    replies to RCPT by address, `script` replies and faults by command."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
        without_methods: tuple[str, ...] = (),
        utf8: bool = True,
    ) -> None:
        self.mails: list[Mail] = []
        self.commands: Counter[str] = Counter()
        self.script: dict[str, str | Fault] = {}
        self.recipients: dict[str, str] = {}
        self.logins: list[tuple[str, str]] = []
        self.reached: dict[str, asyncio.Event] = {}
        self.port = 0
        self._implicit = tls
        self._users = users
        self._options: dict[str, Any] = {
            "tls_context": starttls,
            "require_starttls": starttls is not None,
            "auth_require_tls": starttls is not None,
            "auth_exclude_mechanism": without_methods,
            "authenticator": self._authenticate if users else None,
            "enable_SMTPUTF8": utf8,
            "hostname": "sink.example",
        }
        self._open: set[_Server] = set()
        self._stopping = asyncio.Event()

    async def stop_listening(self) -> None:
        """Refuse new connections and drop the open ones."""
        self._server.close()
        for server in self._open:
            if server.transport is not None:
                server.transport.abort()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new, "127.0.0.1", 0, ssl=self._implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping.set()
        await self.stop_listening()
        tasks = [server._handler_coroutine for server in self._open if server._handler_coroutine is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def when(self, command: str) -> None:
        """Wait until a client has come this far."""
        await self.reached.setdefault(command, asyncio.Event()).wait()

    def note(self, command: str) -> None:
        self.commands[command] += 1
        self.reached.setdefault(command, asyncio.Event()).set()

    async def act(self, server: _Server, command: str) -> bool:
        """Do what the script says; False if it says nothing."""
        self.note(command)
        match self.script.get(command):
            case None:
                return False
            case Fault.DROP:
                server.transport.abort()
            case Fault.HANG:
                await self._stopping.wait()
            case str(reply):
                await server.push(reply)
                if reply.startswith("421"):
                    server.transport.close()
        return True

    def _new(self) -> _Server:
        server = _Server(self, loop=asyncio.get_running_loop(), **self._options)
        self._open.add(server)
        return server

    def _authenticate(self, server, session, envelope, mechanism, credentials) -> AuthResult:
        assert isinstance(credentials, LoginPassword)
        name, password = credentials.login.decode(), credentials.password.decode()
        self.logins.append((mechanism, name))
        right = self._users.get(name) == password
        return AuthResult(success=right, auth_data=name if right else None, handled=right)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        reply = self.recipients.get(address, "250 2.1.5 Ok")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope) -> str:
        mail = Mail(
            envelope.mail_from,
            tuple(envelope.rcpt_tos),
            envelope.content,
            server.transport.get_extra_info("ssl_object") is not None,
            session.auth_data or "",
        )
        act = self.script.get("CONTENT")
        if act is None or isinstance(act, Fault):
            self.mails.append(mail)
        if isinstance(act, str):
            self.note("CONTENT")
            return act
        await self.act(server, "CONTENT")
        return f"250 2.0.0 Ok: queued as {len(self.mails):08X}"
