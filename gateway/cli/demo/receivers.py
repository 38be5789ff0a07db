"""Who is told in the demo: a mail server, a receiver of webhooks and a chat as strict as Slack, all real."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.cli.demo.slack_limits import faults
from gateway.cli.listening.receiver import Received, Receiver
from gateway.domain.clock import Clock
from gateway.domain.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came; `at` is in seconds of the monotonic clock.

    `key` is by what a receiver knows a repeat: webhook-id, Message-ID, and for a chat, which has no such
    thing, the message itself.
    """

    key: str
    at: float
    content: Any


@dataclass(slots=True)
class Arrivals:
    """What came to each receiver, in order, and what a receiver refused."""

    webhook: list[Arrival] = field(default_factory=list)
    email: list[Arrival] = field(default_factory=list)
    slack: list[Arrival] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many came in all."""
        return len(self.webhook) + len(self.email) + len(self.slack)


class Receivers:
    """The three of them. `receiver.secrets` is set once the gateway has made the secret."""

    def __init__(self, clock: Clock) -> None:
        self.arrivals = Arrivals()
        self.receiver = Receiver(clock, self._webhook, self._unsigned)
        self.web_port = self.mail_port = 0
        self._clock = clock

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen on free loopback ports for as long as the block runs."""
        application = web.Application()
        application.router.add_post("/webhook", self.receiver.handle)
        application.router.add_post("/slack", self._slack)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        loop = asyncio.get_running_loop()
        mail = await loop.create_server(
            lambda: SMTP(self, hostname="demo.example", loop=loop), "127.0.0.1", 0
        )
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.web_port = runner.addresses[0][1]
            self.mail_port = mail.sockets[0].getsockname()[1]
            yield
        finally:
            mail.close()
            await runner.cleanup()

    def _webhook(self, received: Received) -> None:
        self.arrivals.webhook.append(Arrival(received.webhook_id, self._clock.monotonic(), received))

    def _unsigned(self, refused: Unauthorized) -> None:
        self.arrivals.refused.append(f"a webhook whose signature does not fit: {refused.detail}")

    async def _slack(self, request: web.Request) -> web.Response:
        body = await request.text()
        post = json.loads(body)
        wrong = faults(post)
        if wrong:
            self.arrivals.refused.append(f"a message that Slack would not take: {', '.join(wrong)}")
            return web.Response(status=400, text="invalid_blocks")
        self.arrivals.slack.append(Arrival(body, self._clock.monotonic(), post))
        return web.Response(text="ok")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail (aiosmtpd calls this by name)."""
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, EmailMessage, policy=email.policy.default)
        self.arrivals.email.append(Arrival(str(message["Message-ID"]), self._clock.monotonic(), message))
        return "250 2.0.0 taken"
