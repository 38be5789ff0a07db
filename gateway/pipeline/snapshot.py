"""The configuration in force, whole and immutable: the pipeline never asks a store what is configured.

A change makes a new Snapshot that replaces the old one in `Current` with one assignment. What is
expensive (compiled rules, compiled schemas) is kept by content, so that a change costs what changed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Unavailable
from gateway.domain.ids import (
    DestinationId,
    InstanceId,
    MonitorId,
    SchemaId,
    SilenceId,
    SourceId,
    SubscriptionId,
    TemplateId,
    TopicId,
)
from gateway.domain.monitor import Monitor
from gateway.domain.noise import NOTHING_IN_FORCE, NoiseInForce
from gateway.domain.schema import Schema
from gateway.domain.silence import Silence
from gateway.domain.source import SELF, Instance, Key, Source, own_source
from gateway.domain.template import Template
from gateway.domain.topic import SourceRule, Topic
from gateway.pipeline.direct import allowed_recipient
from gateway.pipeline.noise import Noise
from gateway.pipeline.policies import policies
from gateway.pipeline.route import Exit, Exits, OnProblem, RouteTable, exit_of, exits_of, feeding_rules
from gateway.pipeline.silence import Hushes, hushes_by_instance
from gateway.pipeline.validate import SchemaBinding, bindings
from gateway.pipeline.watch import Watches, watches_by_source
from gateway.pipeline.wording import Wording, wordings
from gateway.ports import Configuration
from gateway.security.keys import KeyRing
from gateway.security.tokens import AccessTokens
from gateway.spi.destination import SubscriptionAddress
from gateway.spi.discovery import destinations

log = structlog.get_logger()

E = TypeVar("E")
Aged = TypeVar("Aged", Topic, Subscription)

NEWER_SECONDS = 1.0


def _nobody(_owners: Sequence[str], _code: str) -> None:
    """Nobody wants to know of rules that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is configured, indexed for reading."""

    version: int
    instances: Mapping[InstanceId, Instance]
    sources: Mapping[SourceId, Source]
    keys: KeyRing
    key_rows: tuple[Key, ...]
    topics: Mapping[TopicId, Topic]
    destinations: Mapping[DestinationId, Destination]
    subscriptions: Mapping[SubscriptionId, Subscription]
    schemas: Mapping[SchemaId, Schema]
    templates: Mapping[TemplateId, Template] = field(default_factory=dict)
    bindings: Mapping[SourceId, tuple[SchemaBinding, ...]] = field(default_factory=dict)
    routes: Mapping[SourceId, RouteTable] = field(default_factory=dict)
    own_routes: Mapping[InstanceId, RouteTable] = field(default_factory=dict)
    monitors: Mapping[MonitorId, Monitor] = field(default_factory=dict)
    watches: Mapping[SourceId, Watches] = field(default_factory=dict)
    silences: Mapping[SilenceId, Silence] = field(default_factory=dict)
    hushes: Mapping[InstanceId, Hushes] = field(default_factory=dict)
    addresses: Mapping[SubscriptionId, SubscriptionAddress] = field(default_factory=dict)
    wordings: Mapping[SubscriptionId, Wording] = field(default_factory=dict)
    noises: Mapping[SubscriptionId, Noise] = field(default_factory=dict)
    on_problem: OnProblem = _nobody
    default_instance: Instance | None = None
    """The first instance that was made; `default` in a path means it."""

    def table(self, instance_id: InstanceId, source_id: SourceId) -> RouteTable | None:
        """The routes of a source, or of the gateway's own events in an instance."""
        return self.own_routes.get(instance_id) if source_id == SELF else self.routes.get(source_id)

    def source(self, instance_id: InstanceId, source_id: SourceId) -> Source | None:
        """A source of this instance, the gateway itself among them."""
        if source_id == SELF:
            instance = self.instances.get(instance_id)
            return own_source(instance) if instance else None
        found = self.sources.get(source_id)
        return found if found is not None and found.instance_id == instance_id else None

    def policy(self, subscription_id: SubscriptionId) -> NoiseInForce:
        """The noise policy in force of a subscription; one in which all is off where there is none."""
        noise = self.noises.get(subscription_id)
        return noise.in_force if noise else NOTHING_IN_FORCE

    def reaches(self, subscription_id: SubscriptionId, recipient: str) -> bool:
        """Whether a subscription is there and still reaches `recipient` ('' for kinds without any)."""
        subscription = self.subscriptions.get(subscription_id)
        if subscription is None or not recipient:
            return subscription is not None
        if subscription.recipient_from:
            return allowed_recipient(subscription, recipient)
        address = self.addresses.get(subscription_id)
        endpoint = self.destinations.get(subscription.destination_id)
        kind = destinations().get(endpoint.kind) if endpoint else None
        return kind is None or address is None or recipient in kind.recipients(address)

    def instance(self, name: str) -> Instance | None:
        """An instance by id or by the alias `default`."""
        return self.default_instance if name == "default" else self.instances.get(InstanceId(name))


def build(
    configuration: Configuration,
    operator: str,
    previous: Snapshot | None = None,
    tokens: AccessTokens | None = None,
    on_problem: OnProblem | None = None,
) -> Snapshot:
    """Index a configuration; `operator` is the digest of the operator's key, `tokens` reads access tokens.

    `on_problem` is told of rules that cannot be evaluated. What did not change since `previous` is taken
    over from it, `tokens` and `on_problem` too.
    """
    by_type: dict[type, list[object]] = defaultdict(list)
    for entity in configuration.entities:
        by_type[type(entity)].append(entity)
    topics = _by_id(_only(Topic, by_type))
    destinations_ = _by_id(_only(Destination, by_type))
    subscriptions = _by_id(_only(Subscription, by_type))
    sources = _by_id(_only(Source, by_type))
    schemas = _by_id(_only(Schema, by_type))
    templates = _by_id(_only(Template, by_type))
    instances = _by_id(_only(Instance, by_type))
    key_rows = tuple(_only(Key, by_type))
    addresses = _addresses(subscriptions, destinations_, previous)
    told = on_problem or (previous.on_problem if previous else _nobody)
    monitors = _by_id(_only(Monitor, by_type))
    silences = _by_id(_only(Silence, by_type))
    noises = policies(topics, subscriptions.values(), told)
    own_routes = {
        instance.id: table
        for instance in instances.values()
        for table in _route_tables(
            [own_source(instance)],
            [row for row in topics.values() if row.instance_id == instance.id],
            subscriptions.values(),
            destinations_,
            addresses,
            told,
            noises,
        ).values()
    }
    return Snapshot(
        version=configuration.version,
        instances=instances,
        sources=sources,
        keys=KeyRing(key_rows, operator, previous.keys.tokens if previous else tokens),
        key_rows=key_rows,
        topics=topics,
        destinations=destinations_,
        subscriptions=subscriptions,
        schemas=schemas,
        templates=templates,
        wordings=wordings(subscriptions.values(), templates),
        bindings={source.id: bindings(source, schemas.values()) for source in sources.values()},
        routes=_route_tables(
            sources.values(), topics.values(), subscriptions.values(), destinations_, addresses, told, noises
        ),
        own_routes=own_routes,
        monitors=monitors,
        watches=watches_by_source(sources.values(), monitors.values(), told) if monitors else {},
        silences=silences,
        hushes=hushes_by_instance(silences.values(), told) if silences else {},
        addresses=addresses,
        noises=noises,
        on_problem=told,
        default_instance=min(instances.values(), key=lambda row: row.created_at, default=None),
    )


class Current:
    """Holds the newest snapshot. Reading `snapshot` twice may give two; take it once per decision.

    `reload` reads the configuration from the store anew; who changes the configuration sets it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.reload: Callable[[], Awaitable[None]] | None = None
        self._watchers: list[Callable[[Snapshot], None]] = []
        self._moved = asyncio.Event()

    def watch(self, watcher: Callable[[Snapshot], None]) -> None:
        """Be told of every new snapshot, on the event loop, right after the swap."""
        self._watchers.append(watcher)

    def replace(self, snapshot: Snapshot) -> None:
        """Take a newer snapshot; an older one is ignored."""
        if snapshot.version < self.snapshot.version:
            return
        self.snapshot = snapshot
        self._moved.set()
        self._moved = asyncio.Event()
        for watcher in self._watchers:
            watcher(snapshot)

    async def newer_than(self, version: int) -> None:
        """Wait, for at most a second, until a version newer than this one is in force; then ask the store.

        Who asks knows of a newer version. If that does not come by itself, the change that made it was
        committed, but failed before its answer. Raises what `reload` raises: Unavailable.
        """
        moved = self._moved
        if self.snapshot.version > version:
            return
        try:
            async with asyncio.timeout(NEWER_SECONDS):
                await moved.wait()
        except TimeoutError:
            if self.snapshot.version <= version and self.reload is not None:
                await self.reload()


def configuration_busy() -> Unavailable:
    """The configuration never stands still for as long as one try takes."""
    return Unavailable("configuration_busy", "the configuration changes too fast; try again", retry_after=1)


def _addresses(
    subscriptions: Mapping[SubscriptionId, Subscription],
    endpoints: Mapping[DestinationId, Destination],
    previous: Snapshot | None,
) -> Mapping[SubscriptionId, SubscriptionAddress]:
    """The parsed address of each subscription; one that cannot be read any more is left out and logged."""
    parsed = {}
    for subscription in subscriptions.values():
        if previous and previous.subscriptions.get(subscription.id) is subscription:
            known = previous.addresses.get(subscription.id)
            if known is not None:
                parsed[subscription.id] = known
                continue
        endpoint = endpoints.get(subscription.destination_id)
        address = address_of(subscription, endpoint) if endpoint else None
        if address is not None:
            parsed[subscription.id] = address
    return parsed


def address_of(subscription: Subscription, endpoint: Destination) -> SubscriptionAddress | None:
    """The parsed address of a subscription; None, and logged, if it cannot be read any more."""
    kind = destinations().get(endpoint.kind)
    if kind is None:
        return None
    try:
        address: SubscriptionAddress = kind.Address.model_validate(dict(subscription.address))
    except ValidationError as error:
        log.error("subscription.unreadable", subscription=subscription.id, errors=error.error_count())
        return None
    return address


def proposed_routes(
    snapshot: Snapshot,
    instance_id: InstanceId,
    *,
    topics: Iterable[Topic] = (),
    subscriptions: Iterable[Subscription] = (),
    on_problem: OnProblem,
) -> Mapping[SourceId, RouteTable]:
    """The routes of one instance as they would be with these in place of those of their ids, those of the
    gateway's own events too."""
    own = [row for row in snapshot.subscriptions.values() if row.instance_id == instance_id]
    changed = _by_id([*own, *subscriptions])
    landing = _by_id([*(row for row in snapshot.topics.values() if row.instance_id == instance_id), *topics])
    return _route_tables(
        [
            *(row for row in snapshot.sources.values() if row.instance_id == instance_id),
            own_source(snapshot.instances[instance_id]),
        ],
        landing.values(),
        changed.values(),
        snapshot.destinations,
        _addresses(changed, snapshot.destinations, snapshot),
        on_problem,
        policies(landing, changed.values(), on_problem),
    )


def _route_tables(
    sources: Iterable[Source],
    topics: Collection[Topic],
    subscriptions: Iterable[Subscription],
    endpoints: Mapping[DestinationId, Destination],
    addresses: Mapping[SubscriptionId, SubscriptionAddress],
    on_problem: OnProblem,
    noises: Mapping[SubscriptionId, Noise],
) -> Mapping[SourceId, RouteTable]:
    by_id = _by_id(topics)
    led = _exits(topics, subscriptions, endpoints, addresses, on_problem, noises)
    usual, fallbacks = _by_source(topics), defaultdict(list)
    for topic in _by_age(topics):
        if topic.enabled and topic.fallback:
            fallbacks[topic.instance_id].append(topic)
    tables = {}
    for source in sources:
        default = default_topic(source, by_id)
        taking = usual[source.id]
        if default is not None and all(topic is not default for topic, _ in taking):
            taking = [*taking, (default, ())]
        feeds = [(topic, rules, led[topic.id]) for topic, rules in taking]
        rest = [(one, feeding_rules(one, source.id), led[one.id]) for one in fallbacks[source.instance_id]]
        if feeds or rest:
            tables[source.id] = RouteTable(feeds, rest, on_problem, default=default.id if default else None)
    return tables


def default_topic(source: Source, topics: Mapping[TopicId, Topic]) -> Topic | None:
    """The topic that a source's events go to when they name none."""
    chosen = topics.get(source.topic_id) if source.topic_id else None
    return chosen if chosen is not None and chosen.enabled else None


def _by_source(topics: Iterable[Topic]) -> Mapping[SourceId, list[tuple[Topic, Sequence[SourceRule]]]]:
    """The topics that each source feeds, except fallbacks, by age. A topic that lists a source twice has all
    of its rules, and takes an event once."""
    feeding: dict[SourceId, list[tuple[Topic, Sequence[SourceRule]]]] = defaultdict(list)
    for topic in _by_age(topics):
        if topic.enabled and not topic.fallback:
            for source_id in dict.fromkeys(feed.source_id for feed in topic.sources):
                feeding[source_id].append((topic, feeding_rules(topic, source_id)))
    return feeding


def _exits(
    topics: Iterable[Topic],
    subscriptions: Iterable[Subscription],
    endpoints: Mapping[DestinationId, Destination],
    addresses: Mapping[SubscriptionId, SubscriptionAddress],
    on_problem: OnProblem,
    noises: Mapping[SubscriptionId, Noise],
) -> Mapping[TopicId, Exits]:
    """Where each topic leads."""
    led: dict[TopicId, list[Exit]] = {topic.id: [] for topic in topics}
    for subscription in _by_age(subscriptions):
        endpoint = endpoints.get(subscription.destination_id)
        if endpoint and subscription.enabled and subscription.topic_id in led:
            reached = recipients_of(endpoint, addresses.get(subscription.id))
            noise = noises.get(subscription.id)
            led[subscription.topic_id].append(exit_of(subscription, endpoint, reached, on_problem, noise))
    return {topic_id: exits_of(exits) for topic_id, exits in led.items()}


def _by_age(rows: Iterable[Aged]) -> list[Aged]:
    return sorted(rows, key=lambda row: (row.created_at, row.id))


def recipients_of(endpoint: Destination, address: SubscriptionAddress | None) -> tuple[str, ...]:
    """Whom a subscription reaches. What it wants is planned although its address cannot be read (the kind
    is not installed, or knows other fields): it fails, and is a dead letter that can be seen and replayed."""
    kind = destinations().get(endpoint.kind)
    return ("",) if kind is None or address is None else kind.recipients(address)


def _only(kind: type[E], rows: Mapping[type, list[object]]) -> list[E]:
    return [row for row in rows[kind] if isinstance(row, kind)]


def _by_id(rows: Iterable[E]) -> dict[Any, E]:
    return {row.id: row for row in rows}  # type: ignore[attr-defined] # every entity has one
