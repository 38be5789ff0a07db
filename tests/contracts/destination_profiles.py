"""How to point each kind of destination at a real server, and how to read what that server got.

A new kind adds a Rig here, with its vendor's answers for the cases that every kind has to judge, and passes
`test_destinations.py`. Everything a rig reads back, it reads as the receiver would.
"""

from __future__ import annotations

import json
import ssl
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import SecretStr

from gateway.domain.clock import Clock
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.spi.cloudevents import structured
from gateway.spi.destination import AnyDestination, SubscriptionAddress, Tools
from gateway.spi.message import Message
from gateway.spi.outcome import Reason, Receipt
from gateway.spi.secret_fields import plain_secrets
from gateway.transport.http import GuardedHttpClient
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.fakes import http_sink, smtp_sink
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.slack_rules import problems, shown, texts
from tests.fakes.smtp_sink import SmtpSink


class Case(NamedTuple):
    """What the far end does, and what the adapter has to make of it."""

    act: Any
    reason: Reason
    retry_after: float | None = None


@dataclass(frozen=True)
class Said:
    """What a receiver reads: a title in one line and the text below it."""

    title: str
    text: str


EVERY_KIND_JUDGES = frozenset(
    (
        "refused",
        "unauthorized",
        "not_found",
        "gone",
        "throttled",
        "server_error",
        "silent",
        "reset",
        "unreachable",
    )
)


class Rig(ABC):
    """An adapter with a server to talk to. Used as an async context manager."""

    cases: ClassVar[dict[str, Case]]
    settings: ClassVar[dict[str, Any]] = {}
    address: ClassVar[dict[str, Any]] = {}
    recipient: ClassVar[str] = ""

    def __init__(
        self, kind: type[AnyDestination], authority: Authority, timeout: float, networks: str
    ) -> None:
        self.kind = kind
        self.networks = networks
        self.authority = authority
        self.clock: Clock = FakeClock(1_785_233_472.0)
        self._timeout = timeout
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._start_server()
            await self._start_adapter()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def deliver(self, message: Message) -> Receipt:
        return await self.adapter.deliver(message, self.subscription)

    @property
    def subscription(self) -> SubscriptionAddress:
        return self.kind.Address.model_validate(self.address)

    @property
    def secrets(self) -> set[str]:
        """What must never be seen anywhere but on the wire."""
        return set(plain_secrets(self.adapter.config).values())

    async def _start_adapter(self) -> None:
        dialer = GuardedDialer(Dialer(EgressPolicy.parse(self.networks), SystemResolver(self.clock)))
        http = GuardedHttpClient(dialer, user_agent="tocsin/test", tls=client_context(self.authority.file))
        self._stack.push_async_callback(http.close)
        tls = ssl.create_default_context(cafile=self.authority.file)
        tools = Tools(http, dialer, self.clock, tls, "gw.example", smtp_url=self._relay())
        impatient = type(self.kind.__name__, (self.kind,), {"timeout": self._timeout})
        self.adapter = impatient(self.kind.Config.model_validate(self._settings()), tools)
        self._stack.push_async_callback(self.adapter.close)

    def _relay(self) -> SecretStr | None:
        return None

    @abstractmethod
    async def _start_server(self) -> None: ...

    @abstractmethod
    def _settings(self) -> dict[str, Any]: ...

    @abstractmethod
    async def act(self, case: str) -> None:
        """Make the far end behave so until `recover`."""

    @abstractmethod
    def recover(self) -> None: ...

    @abstractmethod
    def echo(self, text: str) -> None:
        """Make the far end refuse, and repeat this text while it does."""

    @abstractmethod
    async def reached(self) -> None:
        """Wait until the far end has the message and says nothing."""

    @property
    @abstractmethod
    def tries(self) -> int:
        """How often the far end was addressed."""

    @property
    @abstractmethod
    def ids(self) -> list[str]:
        """The id of each message that arrived, as its receiver sees it."""

    @abstractmethod
    def said(self) -> Said:
        """The last message as its receiver reads it. Raises AssertionError where it breaks a rule."""


class HttpRig(Rig):
    """A kind that posts to a URL."""

    path: ClassVar[str] = "/hook"
    ok: ClassVar[Reply] = Reply(200, body=b"ok")
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case(Reply(400, body=b"no"), Reason.REJECTED),
        "too_large": Case(Reply(413), Reason.REJECTED),
        "redirected": Case(Reply(302, {"Location": "http://127.0.0.1:1/"}), Reason.REJECTED),
        "unauthorized": Case(Reply(401), Reason.UNAUTHORIZED),
        "forbidden": Case(Reply(403), Reason.UNAUTHORIZED),
        "not_found": Case(Reply(404), Reason.UNAUTHORIZED),
        "gone": Case(Reply(410), Reason.GONE),
        "throttled": Case(Reply(429, {"Retry-After": "7"}), Reason.THROTTLED, 7.0),
        "paused": Case(Reply(503, {"Retry-After": "9"}), Reason.THROTTLED, 9.0),
        "server_error": Case(Reply(500), Reason.UNAVAILABLE),
        "unavailable": Case(Reply(503), Reason.UNAVAILABLE),
        "silent": Case(http_sink.NEVER, Reason.AMBIGUOUS),
        "reset": Case(http_sink.DROP, Reason.AMBIGUOUS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    async def _start_server(self) -> None:
        self.sink = await self._stack.enter_async_context(HttpSink(self.ok))

    async def act(self, case: str) -> None:
        reply = self.cases[case].act
        if reply is None:
            await self.sink.stop_listening()
        else:
            self.sink.usual = reply

    def recover(self) -> None:
        self.sink.usual = self.ok

    def echo(self, text: str) -> None:
        self.sink.usual = Reply(400, body=text.encode())

    async def reached(self) -> None:
        await self.sink.arrived.wait()

    @property
    def tries(self) -> int:
        return len(self.sink.requests)


class WebhookRig(HttpRig):
    settings: ClassVar[dict[str, Any]] = {
        "custom_headers": {"Authorization": "Bearer t0p-s3cret-token", "X-Team": "ops"},
        "sensitive_headers": ["authorization"],
    }
    path = "/hook?access_token=qu3ry-s3cret"

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), **self.settings}

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.sink.requests]

    def said(self) -> Said:
        event = structured.decode(self.sink.requests[-1].body)
        texts = json.loads(event.data) if event.data else {}
        return Said(" ".join(texts.get("title", "").split()), texts.get("summary", ""))


class SlackRig(HttpRig):
    path = "/services/T000/B000/s3cretpath"
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b"channel_not_found"), Reason.MISCONFIGURED),
        "no_such_url": Case(Reply(404, body=b"<h1>Not found</h1>"), Reason.MISCONFIGURED),
        "archived": Case(Reply(410, body=b"channel_is_archived"), Reason.REJECTED),
        "prohibited": Case(Reply(403, body=b"action_prohibited"), Reason.UNAUTHORIZED),
        "invalid_blocks": Case(Reply(400, body=b"invalid_blocks"), Reason.REJECTED),
        "no_such_user": Case(Reply(400, body=b"user_not_found"), Reason.MISCONFIGURED),
        "rollup_error": Case(Reply(500, body=b"rollup_error"), Reason.UNAVAILABLE),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), **self.settings}

    @property
    def ids(self) -> list[str]:
        # Slack has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        post = json.loads(self.sink.requests[-1].body)
        assert problems(post) == []
        header = post["blocks"][0]["text"]["text"]
        blocks = [block for part in post["attachments"] for block in part["blocks"]]
        assert shown(post["text"]).startswith(header.removesuffix("…"))
        return Said(header, "\n".join(shown(text["text"]) for text in texts(blocks)))


class MailRig(Rig):
    """A kind that hands mail to a server."""

    address: ClassVar[dict[str, Any]] = {"invited": ["ops@example.org"]}
    recipient = "ops@example.org"
    user, password = "gateway", "p4ss/w0rd:s3cret"
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case({"CONTENT": "554 5.6.0 not like this"}, Reason.REJECTED),
        "spam": Case({"CONTENT": "554 5.7.1 looks like spam"}, Reason.REJECTED),
        "unauthorized": Case({"AUTH": "535 5.7.8 who are you"}, Reason.UNAUTHORIZED),
        "login_required": Case({"MAIL": "530 5.7.0 log in first"}, Reason.UNAUTHORIZED),
        "relaying_denied": Case({"RCPT": "554 5.7.1 relay access denied"}, Reason.UNAUTHORIZED),
        "not_found": Case({"RCPT": "550 5.1.1 no such user"}, Reason.REJECTED),
        "gone": Case({"RCPT": "550 5.2.1 mailbox disabled"}, Reason.REJECTED),
        "full": Case({"RCPT": "552 5.2.2 mailbox full"}, Reason.UNAVAILABLE, 3600.0),
        "too_large": Case({"MAIL": "552 5.3.4 too big"}, Reason.REJECTED),
        "sender_refused": Case({"MAIL": "553 5.1.8 not this sender"}, Reason.MISCONFIGURED),
        "throttled": Case({"MAIL": "421 4.7.0 too many mails"}, Reason.THROTTLED, 60.0),
        "throttled_late": Case({"CONTENT": "421 4.7.0 too many mails"}, Reason.THROTTLED, 60.0),
        "not_at_home": Case({"CONNECT": "554 go away"}, Reason.MISCONFIGURED),
        "greylisted": Case({"RCPT": "451 4.7.1 come again"}, Reason.UNAVAILABLE, 300.0),
        "server_error": Case({"CONTENT": "451 4.3.0 disk trouble"}, Reason.UNAVAILABLE, 300.0),
        "login_trouble": Case({"AUTH": "454 4.7.0 later"}, Reason.UNAVAILABLE),
        "silent": Case({"CONTENT": smtp_sink.HANG}, Reason.AMBIGUOUS),
        "silent_before": Case({"RCPT": smtp_sink.HANG}, Reason.TIMEOUT),
        "silent_greeting": Case({"CONNECT": smtp_sink.HANG}, Reason.TIMEOUT),
        "reset": Case({"CONTENT": smtp_sink.DROP}, Reason.AMBIGUOUS),
        "reset_before": Case({"DATA": smtp_sink.DROP}, Reason.UNAVAILABLE),
        "no_handshake": Case({"STARTTLS": "454 4.7.0 no TLS now"}, Reason.UNAVAILABLE),
        "tls_refused": Case({"STARTTLS": "554 5.7.3 no TLS ever"}, Reason.TLS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    async def _start_server(self) -> None:
        context = self.authority.server("127.0.0.1")
        self.sink = SmtpSink(starttls=context, users={self.user: self.password})
        await self._stack.enter_async_context(self.sink)

    def _settings(self) -> dict[str, Any]:
        return self.settings

    async def act(self, case: str) -> None:
        script = self.cases[case].act
        if script is None:
            await self.sink.stop_listening()
        else:
            self.sink.script.update(script)

    def recover(self) -> None:
        self.sink.script.clear()

    def echo(self, text: str) -> None:
        self.sink.script["AUTH"] = f"535 5.7.8 {' '.join(text.split())}"

    async def reached(self) -> None:
        await self.sink.when("CONTENT")

    @property
    def tries(self) -> int:
        return self.sink.commands["CONNECT"]

    @property
    def ids(self) -> list[str]:
        return [mail.message["Message-ID"] for mail in self.sink.mails]

    def said(self) -> Said:
        mail = self.sink.mails[-1]
        assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
        assert mail.content.isascii()
        assert mail.message["Subject"].defects == ()
        assert mail.part("html").count("<h1") == 1
        return Said(mail.message["Subject"], mail.part("plain"))


class OwnMailRig(MailRig):
    def _settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.sink.port,
            "user": self.user,
            "password": self.password,
            "from": "Backups <backups@example.org>",
        }


class RelayedMailRig(MailRig):
    def _relay(self) -> SecretStr:
        return SecretStr(f"smtp://{self.user}:p4ss%2Fw0rd%3As3cret@127.0.0.1:{self.sink.port}")

    @property
    def secrets(self) -> set[str]:
        return {self.password}


class CustomDomainRig(RelayedMailRig):
    settings: ClassVar[dict[str, Any]] = {"domain": "example.org"}


RIGS: dict[str, type[Rig]] = {
    "email": OwnMailRig,
    "slack": SlackRig,
    "smtp_custom": CustomDomainRig,
    "smtp_ibm": RelayedMailRig,
    "webhook": WebhookRig,
}
