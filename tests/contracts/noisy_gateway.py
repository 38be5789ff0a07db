"""Whole gateways over a store with a clock that tests move, and a webhook that hears what gets through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.domain.delivery import Delivery, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.noise import UNSAID, NoisePolicy
from gateway.domain.source import Instance, Key, Role, Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.identity import load_identity
from gateway.pipeline.receive import receive
from gateway.ports import DeliveryFilter, Put, Store
from gateway.security.keys import generate
from gateway.service.keeping import SETTLING_SECONDS
from gateway.settings import Settings
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE
from tests.fakes.clock import FakeClock
from tests.fakes.http_sink import HttpSink
from tests.waiting import until_async

FRESH = generate()
SOURCE = Source("s", INSTANCE, "vault", 1.0, 1.0)
KEY = Key(FRESH.id, INSTANCE, "k", Role.SOURCE, FRESH.digest, 1.0, 1.0, SOURCE.id)
LATER = SETTLING_SECONDS + 1.0
"""Seconds after its time by which a digest is settled."""
AT_ONCE = 50
"""Events of one request."""


def topic(policy: NoisePolicy = UNSAID, name: str = "t") -> Topic:
    sources = (TopicSource(SOURCE.id, (SourceRule("r"),)),)
    return Topic(name, INSTANCE, name, 1.0, 1.0, sources=sources, policy=policy)


def webhook(sink: HttpSink, **fields: Any) -> Destination:
    return Destination("d", INSTANCE, "hook", "webhook", 1.0, 1.0, config={"url": sink.url("/")}, **fields)


def subscription(name: str = "x", of: str = "t", **fields: Any) -> Subscription:
    return Subscription(name, INSTANCE, name, of, "d", 1.0, 1.0, **fields)


@dataclass
class Noisy:
    """Gateways that share a store. `sink` hears what they send."""

    house: House
    clock: FakeClock
    sink: HttpSink
    folder: Path
    gateways: list[Gateway] = field(default_factory=list)

    async def open(self, *entities: Any, store: Store | None = None) -> Gateway:
        """One more gateway; the first brings the configuration."""
        store = store or await self.house.open()
        if await store.registry.version() == 0:
            rows = [Instance(INSTANCE, "i", 1.0, 1.0), SOURCE, KEY, webhook(self.sink), *entities]
            await store.registry.apply([Put(one) for one in rows], expected=0)
        settings = Settings(
            data_dir=self.folder, listen="127.0.0.1:0", allow_networks="127.0.0.0/8", drain_seconds=0
        )
        gateway = Gateway(settings, load_identity(settings, self.clock), store, self.clock)
        await gateway.start()
        self.gateways.append(gateway)
        return gateway

    async def close(self) -> None:
        for gateway in self.gateways:
            await gateway.stop()

    async def put(self, *entities: Any) -> None:
        """Change the configuration, and let every gateway know."""
        registry = self.gateways[0].store.registry
        await registry.apply([Put(one) for one in entities], expected=await registry.version())
        for gateway in self.gateways:
            await gateway.configurator.refresh()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and every node prove that it lives."""
        self.clock.advance(seconds)
        for gateway in self.gateways:
            await gateway.store.check()

    async def send(self, *ids: str, by: int = 0, **attributes: Any) -> None:
        """Have these events accepted by one of the gateways."""
        for start in range(0, len(ids), AT_ONCE):
            events = [
                {"specversion": "1.0", "id": id, "source": "/s", "type": "backup.failed", **attributes}
                for id in ids[start : start + AT_ONCE]
            ]
            await self._send(self.gateways[by], events)

    async def _send(self, gateway: Gateway, events: Sequence[dict[str, Any]]) -> None:
        headers = [
            (b"Authorization", f"Bearer {FRESH.text}".encode()),
            (b"Content-Type", b"application/cloudevents-batch+json"),
        ]
        envelope = receive(
            instance=INSTANCE,
            headers=headers,
            body=json.dumps(events).encode(),
            received_at=self.clock.now(),
            max_body=1_000_000,
        )
        await gateway.ingest.take(envelope)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """What the receiver got, as events."""
        return [json.loads(one.body) for one in self.sink.requests]

    @property
    def ids(self) -> list[str]:
        """Their ids; of digests, what they say."""
        return [one["data"]["title"] if "digest" in one["type"] else one["id"] for one in self.heard]

    async def deliveries(self, state: State | None = None) -> list[Delivery]:
        """All deliveries, oldest first."""
        found: list[Delivery] = []
        cursor = ""
        while True:
            ledger = self.gateways[0].store.ledger
            page = await ledger.deliveries(INSTANCE, DeliveryFilter(state=state), cursor=cursor, limit=500)
            found += page.rows
            cursor = page.cursor
            if not cursor:
                return found[::-1]

    async def states(self) -> dict[str, int]:
        """How many deliveries stand where."""
        counts = await self.gateways[0].store.ledger.counts()
        return {state.value: number for state, number in counts.by_state.items() if number}

    async def come_to(self, seconds: float = 20.0, **wanted: int) -> None:
        """Wait until deliveries stand like this."""

        async def reached() -> bool:
            return await self.states() == wanted

        try:
            await until_async(reached, seconds)
        except AssertionError:
            raise AssertionError(f"{await self.states()} is not {wanted}") from None

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        await until_async(condition, 20.0)

    async def rounds(self) -> None:
        """Have every gateway look after what is held, at once."""
        await asyncio.gather(*(gateway._keeping.round() for gateway in self.gateways))
