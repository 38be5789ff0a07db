"""What every rig has: an adapter, the far end that it talks to, and how to read what that far end got."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import SecretStr

from gateway.domain.clock import Clock
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.spi.destination import AnyDestination, SubscriptionAddress, Tools
from gateway.spi.message import Message
from gateway.spi.outcome import Reason, Receipt
from gateway.spi.secret_fields import plain_secrets
from gateway.transport.http import GuardedHttpClient
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock


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
    """An adapter with a server to talk to. Used as an async context manager. A kind's rig has its name."""

    name: ClassVar[str] = ""
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

    def is_success(self, code: str | int) -> bool:
        """Whether a receipt's code stands for success: a status of 2xx, unless a kind has others."""
        return int(code) in range(200, 300)

    @property
    def secrets(self) -> set[str]:
        """What must never be seen anywhere but on the wire."""
        return set(plain_secrets(self.adapter.config).values())

    async def _start_adapter(self) -> None:
        dialer = GuardedDialer(Dialer(EgressPolicy.parse(self.networks), SystemResolver(self.clock)))
        http = GuardedHttpClient(dialer, user_agent="tocsin/test", tls=client_context(self.authority.file))
        self._stack.push_async_callback(http.close)
        tls = ssl.create_default_context(cafile=self.authority.file)
        tools = Tools(
            http,
            dialer,
            self.clock,
            tls,
            "gw.example",
            smtp_url=self._relay(),
            sms_url=self._sms_account(),
        )
        impatient = type(self.kind.__name__, (self.kind,), {"timeout": self._timeout})
        self.adapter = impatient(self.kind.Config.model_validate(self._settings()), tools)
        self._stack.push_async_callback(self.adapter.close)

    def _relay(self) -> SecretStr | None:
        return None

    def _sms_account(self) -> SecretStr | None:
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
