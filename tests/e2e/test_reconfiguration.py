"""The configuration changes while events come: an answered change governs every later event and attempt."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

SENDERS, CHANGES = 8, 80
WIDTH = 16
"""Deliveries under way at once to one destination, by default."""

QUEUED = 60
COLOURS, SHAPES = ("red", "blue"), ("integer", "string")


@dataclass(frozen=True)
class Configured:
    """What is in force: what a change may turn."""

    toggled: bool = True
    enabled: bool = True
    colour: str = "red"
    shape: str = "integer"

    def expects(self, event: Asked) -> frozenset[str] | None:
        """The subscriptions that get this event; None if it is quarantined."""
        if event.shape != self.shape:
            return None
        wanted = {"toggled": self.toggled, "enabled": self.enabled, "coloured": event.colour == self.colour}
        return frozenset(name for name, wants in wanted.items() if wants)


@dataclass(frozen=True)
class Asked:
    """An event: which of the configurations in `History` may have governed it."""

    id: str
    colour: str
    shape: str
    oldest: int
    newest: int


class History:
    """Every configuration, begun and answered: what begins after an answer is governed by it or later."""

    def __init__(self) -> None:
        self.all = [Configured()]
        self.answered = 0
        self.certain = 0

    def begin(self, configured: Configured) -> None:
        self.all.append(configured)

    def answer(self) -> None:
        self.answered = len(self.all) - 1

    def ask(self, event: Asked) -> None:
        """Count an event that was under way during no change."""
        self.certain += event.oldest == event.newest

    def governing(self, event: Asked) -> list[Configured]:
        return self.all[event.oldest : event.newest + 1]


class Changes:
    """Turns one thing after the other, at random."""

    def __init__(self, client: Client, history: History, chance: random.Random) -> None:
        self._client, self._history, self._chance = client, history, chance
        self.names: dict[str, str] = {}

    async def set_up(self, sink: HttpSink) -> str:
        """Three subscriptions of one topic, and a schema; returns the source's key."""
        client = self._client
        source = await client.create("sources", name="s")
        key = await client.create(f"sources/{source['id']}/keys", name="k")
        topic = await client.create("topics", name="t", sources=[{"id": source["id"], "rules": [{}]}])
        destination = await webhook(client, sink)
        self._subscription = {"topic_id": topic["id"], "destination_id": destination}
        self._ids = {name: await self._subscribe(name) for name in ("toggled", "enabled", "coloured")}
        await client.call("PATCH", f"subscriptions/{self._ids['coloured']}", {"rule": _rule("red")})
        schema = await client.create(
            "schemas",
            name="shape",
            event_types=["backup.*"],
            schema=_schema("integer"),
            mode="quarantine",
        )
        self._ids["shape"] = schema["id"]
        return str(key["key"])

    async def run(self) -> None:
        for _ in range(CHANGES):
            now = self._history.all[-1]
            turn = self._chance.choice((self._toggle, self._enable, self._colour, self._shape))
            status = await turn(now)
            assert status in (200, 201, 204)
            self._history.answer()
            if self._chance.random() < 0.5:
                # So that some events have one configuration that must have governed them.
                enough = self._history.certain + SENDERS
                await until(lambda enough=enough: self._history.certain >= enough)

    async def _toggle(self, now: Configured) -> int:
        self._history.begin(replace(now, toggled=not now.toggled))
        if not now.toggled:
            self._ids["toggled"] = await self._subscribe("toggled")
            return 201
        return (await self._client.call("DELETE", f"subscriptions/{self._ids['toggled']}"))[0]

    async def _enable(self, now: Configured) -> int:
        self._history.begin(replace(now, enabled=not now.enabled))
        return await self._patch("subscriptions", "enabled", enabled=not now.enabled)

    async def _colour(self, now: Configured) -> int:
        colour = _other(now.colour, COLOURS)
        self._history.begin(replace(now, colour=colour))
        return await self._patch("subscriptions", "coloured", rule=_rule(colour))

    async def _shape(self, now: Configured) -> int:
        shape = _other(now.shape, SHAPES)
        self._history.begin(replace(now, shape=shape))
        return await self._patch("schemas", "shape", schema=_schema(shape))

    async def _patch(self, noun: str, name: str, **fields: Any) -> int:
        return (await self._client.call("PATCH", f"{noun}/{self._ids[name]}", fields))[0]

    async def _subscribe(self, name: str) -> str:
        subscription = await self._client.create("subscriptions", name=name, **self._subscription)
        self.names[subscription["id"]] = name
        return str(subscription["id"])


def _rule(colour: str) -> str:
    return f"subject = {colour}"


def _schema(shape: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"n": {"type": shape}}}


def _other(value: str, of: tuple[str, str]) -> str:
    return of[1 - of.index(value)]


async def webhook(client: Client, sink: HttpSink, **fields: Any) -> str:
    """The id of a new webhook destination."""
    params = {"url": sink.url("/hook"), "verb": "post"}
    made = await client.create(
        "destinations", name="hook", type="webhook", config={"params": params}, **fields
    )
    return str(made["id"])


async def every(client: Client, noun: str) -> list[dict[str, Any]]:
    """All rows of a listing."""
    found, cursor = [], ""
    while True:
        page = await client.get(f"{noun}?limit=500&cursor={cursor}")
        found += page[noun]
        cursor = page.get("cursor", "")
        if not cursor:
            return found


async def states(client: Client) -> Counter[tuple[str, str]]:
    """How many deliveries are in which state, for which reason."""
    return Counter((row["state"], row.get("reason", "")) for row in await every(client, "deliveries"))


async def until_states(client: Client, wanted: dict[tuple[str, str], int], seconds: float = 10) -> None:
    """Wait until deliveries stand exactly so; a failure shows how they stood."""
    found: Counter[tuple[str, str]] = Counter()

    async def so() -> bool:
        found.clear()
        found.update(await states(client))
        return found == wanted

    try:
        await until_async(so, seconds)
    except AssertionError:
        assert found == wanted


async def post_many(client: Client, source_id: str, numbers: Iterable[int]) -> None:
    answers = await asyncio.gather(*(client.send(cloudevent(f"e-{one}"), source_id) for one in numbers))
    assert {status for status, _ in answers} == {202}


async def test_an_answered_change_governs_every_later_event(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance, history = random.Random(seed), History()
    changes = Changes(client, history, chance)
    key = await changes.set_up(sink)
    asked: list[Asked] = []
    changing = True

    async def send(name: int) -> None:
        number = 0
        async with gateway.client(key) as sender:
            while changing:
                colour, shape = chance.choice(COLOURS), chance.choice(SHAPES)
                data = {"n": 1 if shape == "integer" else "one"}
                oldest = history.answered
                status, answer = await sender.send(cloudevent(f"{name}-{number}", subject=colour, data=data))
                assert status == 202, answer
                asked.append(Asked(answer["notification_id"], colour, shape, oldest, len(history.all) - 1))
                history.ask(asked[-1])
                number += 1

    async with asyncio.TaskGroup() as senders:
        for name in range(SENDERS):
            senders.create_task(send(name))
        await changes.run()
        changing = False
    routed: dict[str, set[str]] = {}
    for row in await every(client, "deliveries"):
        routed.setdefault(row["event_id"], set()).add(changes.names[row["subscription_id"]])
    quarantined = {row["id"] for row in await every(client, "events") if row["quarantined"]}
    for event in asked:
        found = None if event.id in quarantined else frozenset(routed.get(event.id, ()))
        allowed = {governing.expects(event) for governing in history.governing(event)}
        assert found in allowed, f"seed {seed}: {event}"
        assert event.id not in quarantined or event.id not in routed
    assert history.certain > CHANGES


async def test_deleting_a_subscription_cancels_what_waits_and_starts_no_attempt(
    client: Client, sink: HttpSink
):
    sink.usual = Reply(delay=0.5)
    route = await client.webhook_route(sink.url("/hook"))
    await post_many(client, route["source"], range(QUEUED))
    await until(lambda: len(sink.requests) == WIDTH)
    status, _ = await client.call("DELETE", f"subscriptions/{route['subscription']}")
    assert status == 204
    assert len(sink.requests) == WIDTH
    assert await states(client) == {("cancelled", "subscription_deleted"): QUEUED}
    await until_idle(client)
    assert len(sink.requests) == WIDTH
    assert await states(client) == {("cancelled", "subscription_deleted"): QUEUED}


async def test_a_disabled_destination_holds_what_waits_and_enabling_frees_it(client: Client, sink: HttpSink):
    sink.usual = Reply(delay=0.5)
    route = await client.webhook_route(sink.url("/hook"))
    await post_many(client, route["source"], range(QUEUED))
    await until(lambda: len(sink.requests) == WIDTH)
    await enable(client, route["destination"], enabled=False)
    assert len(sink.requests) == WIDTH
    await post_many(client, route["source"], range(QUEUED, QUEUED + 5))
    held = {("held", "destination_disabled"): QUEUED + 5 - WIDTH, ("delivered", ""): WIDTH}
    await until_states(client, held)
    assert len(sink.requests) == WIDTH, "nothing begins after the answer"
    sink.usual = Reply()
    await enable(client, route["destination"], enabled=True)
    await until_states(client, {("delivered", ""): QUEUED + 5})
    seen = Counter(one.headers["webhook-id"] for one in sink.requests)
    assert len(seen) == QUEUED + 5 and set(seen.values()) == {1}


async def test_what_fails_after_its_destination_was_disabled_is_held_too(client: Client, sink: HttpSink):
    sink.usual = Reply(500, delay=0.3)
    route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.05])
    await post_many(client, route["source"], range(WIDTH))
    await until(lambda: len(sink.requests) == WIDTH)
    await enable(client, route["destination"], enabled=False)
    await until_states(client, {("held", "destination_disabled"): WIDTH})
    assert len(sink.requests) == WIDTH
    sink.usual = Reply()
    await enable(client, route["destination"], enabled=True)
    await until_states(client, {("delivered", ""): WIDTH})


async def test_a_receiver_that_is_gone_is_left_alone_by_what_is_queued_for_it(client: Client, sink: HttpSink):
    sink.usual = Reply(410, delay=0.2)
    route = await client.webhook_route(sink.url("/hook"))
    await post_many(client, route["source"], range(QUEUED))

    async def disabled() -> bool:
        return (await client.get(f"destinations/{route['destination']}")).get("disabled_because") == "gone"

    await until_async(disabled)
    await until_idle(client)
    # Those whose workers were faster than the change of configuration: one more each.
    assert len(sink.requests) <= 2 * WIDTH
    gone = len(sink.requests)
    await until_states(client, {("dead", "gone"): gone, ("held", "destination_disabled"): QUEUED - gone})


async def test_a_disabled_destination_stays_so_over_a_restart(gateway: GatewayProcess, sink: HttpSink):
    async with gateway.client() as client:
        sink.usual = Reply(delay=None)
        route = await client.webhook_route(sink.url("/hook"))
        await post_many(client, route["source"], range(QUEUED))
        await until(lambda: len(sink.requests) == WIDTH)
        await enable(client, route["destination"], enabled=False)
    gateway.kill()
    sink.usual = Reply()
    await gateway.start()
    async with gateway.client() as client:
        await until_states(client, {("held", "destination_disabled"): QUEUED})
        assert len(sink.requests) == WIDTH
        await enable(client, route["destination"], enabled=True)
        await until_states(client, {("delivered", ""): QUEUED})
    assert len(sink.requests) == WIDTH + QUEUED


async def test_who_was_unsubscribed_gets_nothing_more(client: Client, sink: HttpSink):
    names = [f"reader-{number}@example.com" for number in range(40)]
    async with SmtpSink() as mail:
        source = await client.create("sources", name="s")
        topic = await client.create("topics", name="t", sources=[{"id": source["id"], "rules": [{}]}])
        params = {"host": "127.0.0.1", "port": mail.port, "security": "none", "from": "tocsin@example.com"}
        destination = await client.create("destinations", name="d", type="email", config={"params": params})
        subscription = await client.create(
            "subscriptions",
            name="readers",
            topic_id=topic["id"],
            destination_id=destination["id"],
            attributes={"invited": names},
        )
        mail.script["CONTENT"] = "451 4.7.1 come back later"
        await post_many(client, source["id"], range(1))
        await mail.when("CONTENT")
        left = names[:1]
        status, answer = await client.call(
            "PATCH", f"subscriptions/{subscription['id']}", {"attributes": {"invited": {"remove": names[1:]}}}
        )
        assert status == 200, answer
        under_way = mail.commands["MAIL"]
        del mail.script["CONTENT"]
        await until_idle(client)
        reached = {one for letter in mail.mails for one in letter.recipients}
        assert mail.commands["MAIL"] <= under_way + 8
        assert len(reached - set(left)) <= 8, "only those whose mail was under way"
        rows = await every(client, "deliveries")
        assert {row["state"] for row in rows if row["recipient"] not in left} == {"cancelled"}


async def enable(client: Client, destination_id: str, *, enabled: bool) -> None:
    status, answer = await client.call("PATCH", f"destinations/{destination_id}", {"enabled": enabled})
    assert status == 200, answer


async def until_idle(client: Client) -> None:
    """Wait until nothing is under way and nothing is queued in memory."""

    async def idle() -> bool:
        found = await states(client)
        return not any(state == "leased" for state, _ in found) and await in_flight(client) == 0

    await until_async(idle)


async def in_flight(client: Client) -> float:
    """Deliveries under way, by the gateway's own count."""
    async with client._session.get(f"{client.base.split('/v1/')[0]}/metrics") as answer:
        text = await answer.text()
    line = next(one for one in text.splitlines() if one.startswith("tocsin_deliveries_in_flight "))
    return float(line.split()[1])
