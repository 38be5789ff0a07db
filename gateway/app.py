"""The composition root: the only file that knows every class. Settings in, a running gateway out."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gateway import __version__
from gateway.api.connection import Limits as ConnectionLimits
from gateway.api.descriptors import affordable_connections
from gateway.api.routes import build_application
from gateway.api.server import Server
from gateway.domain.clock import Clock, SystemClock
from gateway.domain.errors import ConfigurationError, Refused
from gateway.domain.ids import DestinationId
from gateway.domain.source import SELF, Instance
from gateway.identity import Identity, keep_master, load_identity
from gateway.pipeline.channels import Channels
from gateway.pipeline.claim import Claimer
from gateway.pipeline.counts import Counts
from gateway.pipeline.dispatcher import Dispatcher, Limits
from gateway.pipeline.flow import Dispatch, Ingest
from gateway.pipeline.leads import Leading
from gateway.pipeline.rate import RateGate
from gateway.pipeline.recent import Recent
from gateway.pipeline.results import LastResults
from gateway.pipeline.sightings import Sightings
from gateway.pipeline.signature import Signatures
from gateway.pipeline.snapshot import Current, Snapshot, build
from gateway.pipeline.told import Told
from gateway.ports import Configuration, LedgerCounts, Store
from gateway.security.egress import (
    MAIL_SERVICES,
    WEB_SERVICES,
    BlockedAddress,
    Dialer,
    EgressPolicy,
    SystemResolver,
)
from gateway.security.keyprint import Keyprint
from gateway.service.activity import Activities
from gateway.service.asking import MAX_ANSWER, Asking
from gateway.service.callbacks import Callbacks
from gateway.service.configuration import Configurator
from gateway.service.connecting import Connecting
from gateway.service.counting import Counting
from gateway.service.destinations import GONE, Destinations
from gateway.service.dry_run import DryRuns
from gateway.service.explaining import Explanations
from gateway.service.following import Following
from gateway.service.incidents import IncidentDesk
from gateway.service.instances import Instances
from gateway.service.keeping import Keeping
from gateway.service.keys import Keys
from gateway.service.ledger import Records
from gateway.service.monitors import Monitors
from gateway.service.polling import Polling
from gateway.service.presets import Presets
from gateway.service.quarantine import Quarantine
from gateway.service.readiness import Readiness
from gateway.service.retention import Retention
from gateway.service.schemas import Schemas
from gateway.service.services import Services
from gateway.service.silences import Silences
from gateway.service.sources import Sources
from gateway.service.subscriptions import Subscriptions
from gateway.service.templates import Templates
from gateway.service.topics import Topics
from gateway.service.trials import Trials
from gateway.service.watcher import Watcher
from gateway.service.watching import Watching
from gateway.settings import Settings
from gateway.spi import discovery
from gateway.spi.destination import Endpoint, Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.url import InvalidUrl, parse_url
from gateway.storage.sqlite import copying
from gateway.storage.sqlite.store import SqliteStore
from gateway.telemetry.metrics import Metrics
from gateway.transport.http import GuardedHttpClient
from gateway.transport.limits import Limits as TransportLimits
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context

if TYPE_CHECKING:
    from gateway.storage.postgres.store import PostgresStore

log = structlog.get_logger()

SQLITE, POSTGRES = "sqlite:///", ("postgresql://", "postgres://")
STORE_FILE = "tocsin.db"
CLAIMER, INGEST, DISPATCH = "claimer", "ingest", "dispatch"
PERMIT_SECONDS = 3.0
"""How long a name may take to be looked up when a destination is saved; then it is looked up when sending."""

COUNT_EVERY = 15.0
"""Seconds between two counts of the ledger for the metrics."""


@dataclass(frozen=True, slots=True)
class Egress:
    """Everything that leads outside: one guard in front of the HTTP client and of what adapters dial."""

    http: GuardedHttpClient
    polls: GuardedHttpClient
    mail: GuardedDialer
    any_service: Dialer
    tls: ssl.SSLContext
    resolver: SystemResolver

    @classmethod
    def build(cls, settings: Settings, clock: Clock) -> Egress:
        """Wire the guard. Raises ConfigurationError for networks that cannot be read."""
        policy, resolver = EgressPolicy.parse(settings.allow_networks), SystemResolver(clock)
        web = GuardedDialer(Dialer(policy, resolver))
        mail = GuardedDialer(Dialer(policy, resolver, services=MAIL_SERVICES))
        agent, tls = f"Tocsin/{__version__}", client_context()
        http = GuardedHttpClient(web, user_agent=agent, tls=tls)
        longer = TransportLimits(answer_body=MAX_ANSWER)
        polls = GuardedHttpClient(web, user_agent=agent, tls=tls, limits=longer)
        any_service = Dialer(policy, resolver, services=WEB_SERVICES | MAIL_SERVICES)
        return cls(http, polls, mail, any_service, ssl.create_default_context(), resolver)

    async def permit(self, endpoint: Endpoint) -> None:
        """Refuse where no socket would be opened to. Raises DeliveryFailed: blocked_address."""
        try:
            await self.any_service.check(endpoint.host, endpoint.port, PERMIT_SECONDS)
        except BlockedAddress as error:
            raise DeliveryFailed(Reason.BLOCKED_ADDRESS, str(error)) from None

    async def close(self) -> None:
        """Close what is open."""
        await self.http.close()
        await self.polls.close()
        await self.resolver.close()


class Gateway:
    """One process: a store, the two halves of the pipeline, and the HTTP server in front."""

    def __init__(self, settings: Settings, identity: Identity, store: Store, clock: Clock) -> None:
        self.settings, self.identity, self.store = settings, identity, store
        self.metrics = Metrics()
        counts = Counts(clock, self.metrics)
        nothing = Configuration(0, ())
        self.current = Current(
            build(nothing, identity.operator, tokens=identity.tokens, on_problem=counts.not_evaluable)
        )
        self.configurator = Configurator(
            store.registry, self.current, identity.operator, clock, self._changed
        )
        self._egress = Egress.build(settings, clock)
        self.channels = Channels(_tools(settings, self._egress, clock), identity.secrets)
        destinations = Destinations(self.configurator, identity.secrets, self.channels, self._egress.permit)

        async def gone(destination_id: DestinationId) -> None:
            await destinations.disable(destination_id, GONE)

        sightings = Sightings()
        self._results, self._recent = LastResults(store.ledger, clock), Recent(store.ledger)
        self.current.watch(lambda snapshot: self._forget(snapshot, sightings))
        told = Told(self.metrics, counts, sightings, self._results, self._recent)
        self._gate = RateGate(store.rates, clock)
        dispatch = Dispatch(
            self.current,
            store.ledger,
            self.channels,
            clock,
            told,
            gate=self._gate,
            leading=Leading(
                settings.public_url,
                identity.unsubscribe_links,
                identity.acknowledge_links,
                store.incidents,
                clock,
            ),
            on_gone=gone,
        )
        self.dispatcher = Dispatcher(
            store.ledger, self.current, clock, _lanes(settings), dispatch.deliver, self.channels.pace
        )
        self._claimer = Claimer(
            store.ledger, self.current, self.dispatcher, clock, destinations.hold_disabled
        )
        dispatch.on_planned = self._claimer.wake
        self.ingest = Ingest(
            self.current,
            store.ledger,
            self.dispatcher,
            clock,
            told,
            gate=self._gate,
            signatures=Signatures(identity.secrets),
            max_batch_events=settings.max_batch_events,
        )
        keys = Keys(self.configurator)
        topics, subscriptions = Topics(self.configurator), Subscriptions(self.configurator)
        monitors = Monitors(self.configurator, store.monitors)
        records = Records(store.ledger, self._claimer.wake)
        self._following = Following(
            self.current, store.incidents, store.ledger, clock, self.metrics, self._claimer.wake
        )
        self.services = Services(
            current=self.current,
            ingest=self.ingest,
            clock=clock,
            metrics=self.metrics,
            settings=settings,
            readiness=Readiness(store, clock),
            nodes=store.nodes,
            instances=Instances(self.configurator),
            sources=Sources(self.configurator, identity.secrets, self._egress.permit),
            keys=keys,
            connecting=Connecting(keys),
            activities=Activities(self.current, store.ledger, self._recent, sightings, store.polls),
            topics=topics,
            destinations=destinations,
            subscriptions=subscriptions,
            schemas=Schemas(self.configurator, store.registry),
            presets=Presets(self.configurator, topics, subscriptions, monitors),
            templates=Templates(self.configurator, records, settings.public_url),
            records=records,
            quarantine=Quarantine(self.ingest, records),
            callbacks=Callbacks(self.current, self.channels, store.ledger),
            counting=Counting(store.counters, counts, clock),
            dry_runs=DryRuns(self.current, store.ledger, topics, subscriptions, clock),
            explanations=Explanations(self.current, store.registry, records, clock),
            unsubscribe_links=identity.unsubscribe_links,
            acknowledge_links=identity.acknowledge_links,
            incidents=IncidentDesk(store.incidents, store.ledger, clock, self._following.woken),
            monitors=monitors,
            silences=Silences(self.configurator),
            trials=Trials(self.current, store.ledger, self.dispatcher, records, clock),
        )
        self._watching = Watching(
            self.current, store.registry, store.monitors, self.ingest, clock, self.metrics
        )
        self.ingest.on_observed = self._watching.wake
        self._keeping = Keeping(self.current, store.registry, store.holds, self._gate, clock, self.metrics)
        asking = Asking(self._egress.polls, identity.secrets)
        self._polling = Polling(self.current, store.polls, self.ingest, asking, clock, self.metrics)
        self._retention = Retention(
            store.ledger,
            clock,
            event_days=settings.retention_days,
            delivery_days=settings.delivery_retention_days,
        )
        self._server = Server(
            build_application(self.services),
            settings.host,
            settings.port,
            limits=_limits(settings),
            metrics=self.metrics,
            share_port=settings.share_port,
            clock=clock,
        )
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._refreshing: set[asyncio.Task[None]] = set()

    def _forget(self, snapshot: Snapshot, sightings: Sightings) -> None:
        """Let go of what belongs to what is gone from the configuration."""
        self.channels.forget(snapshot.destinations)
        self._results.forget(snapshot.destinations)
        self._recent.forget({SELF, *snapshot.sources})
        sightings.forget(snapshot.sources)

    def _changed(self) -> None:
        self.metrics.registry_version.set(self.current.snapshot.version)
        self._claimer.wake()

    def _configured(self) -> None:
        """Another node changed the configuration, or this one: whoever is first reads it."""
        if not self._stopping.is_set():
            task = asyncio.create_task(self._refresh(), name="refresh")
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)

    async def _refresh(self) -> None:
        try:
            if await self.store.registry.version() > self.current.snapshot.version:
                await self.configurator.refresh()
                self._changed()
        except Refused as error:
            log.warning("configuration.not_refreshed", code=error.code, detail=error.detail)
        except Exception:
            log.error("configuration.unreadable", exc_info=True)

    async def start(self) -> tuple[str, int]:
        """Load the configuration, begin dispatch, listen. Returns the address and port that are bound."""
        self.store.listen(self._configured, self._claimer.wake)
        await self.configurator.refresh()
        self._changed()
        await self.services.instances.complete()
        if self.settings.role != INGEST:
            self._tasks.append(asyncio.create_task(self._claimer.run(), name=CLAIMER))
        self._tasks += [
            asyncio.create_task(self._retention.run(self._stopping), name="retention"),
            asyncio.create_task(self._keeping.run(self._stopping), name="holds"),
            asyncio.create_task(self._count(), name="counts"),
            asyncio.create_task(self._results.run(), name="results"),
            asyncio.create_task(self._recent.run(), name="recent"),
            asyncio.create_task(self.services.counting.run(self._stopping), name="counting"),
        ]
        host, port = await self._server.start()
        self._tasks += self._watches()
        for task in self._tasks:
            task.add_done_callback(self._ended)
        log.info("gateway.started", host=host, port=port, duplicates_bound=self.settings.in_flight)
        return host, port

    def _watches(self) -> list[asyncio.Task[None]]:
        """Monitors' clocks go where events are taken, from when they are; so do polls and heartbeats."""
        watches = []
        if self.settings.role != DISPATCH:
            watches += [
                asyncio.create_task(self._watching.run(self._stopping), name="monitors"),
                asyncio.create_task(self._following.run(self._stopping), name="incidents"),
                asyncio.create_task(self._polling.run(self._stopping), name="polls"),
            ]
        if self.settings.watcher_url is not None:
            url = self.settings.watcher_url.get_secret_value()
            watcher = Watcher(
                parse_url(url), self._egress.http, self._unready, self.store.clock, self.metrics
            )
            watches.append(asyncio.create_task(watcher.run(self._stopping), name="watcher"))
        return watches

    async def _unready(self) -> str:
        return "stopping" if self.services.leaving else await self.services.readiness.problem()

    async def stop(self) -> None:
        """Leave a balancer's list, take no more events, let deliveries finish, give back the rest, close."""
        self.services.leaving = True
        if self._tasks and not self._stopping.is_set():
            await asyncio.sleep(self.settings.drain_delay)
        self._stopping.set()
        self.services.draining = True
        await self._server.stop(min(self.settings.drain_seconds, 10.0))
        await self.dispatcher.stop(self.settings.drain_seconds)
        ending = [*self._tasks, *self._refreshing]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._gate.close()
        await self._results.write()
        await self._recent.write()
        await self.services.counting.write()
        await self.channels.close()
        await self._egress.close()
        await self.store.close()
        log.info("gateway.stopped")

    @property
    def default_instance(self) -> Instance:
        """The instance that `default` means; there is one from the start on."""
        instance = self.current.snapshot.default_instance
        assert instance is not None  # noqa: S101  start() makes one
        return instance

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the gateway stops, also when it can deliver nothing any more."""
        return self._stopping

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("task.failed", task=task.get_name(), exc_info=task.exception())
            if task.get_name() == CLAIMER:
                self._stopping.set()

    async def _count(self) -> None:
        while not self._stopping.is_set():
            self.metrics.refresh()
            try:
                self._show(await self.store.ledger.counts())
            except Refused as error:
                log.warning("counts.failed", code=error.code, detail=error.detail)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COUNT_EVERY):
                    await self._stopping.wait()

    def _show(self, counts: LedgerCounts) -> None:
        for state, number in counts.by_state.items():
            self.metrics.deliveries.labels(state.value).set(number)
        self.metrics.oldest_due_seconds.set(counts.oldest_due_age)


async def open_gateway(settings: Settings) -> Gateway:
    """All wired, nothing started. Raises ConfigurationError, one line that says what to do."""
    clock = SystemClock()
    _check_egress(settings)
    identity = load_identity(settings, clock)
    store = await _open_store(settings, clock, identity.keyprint)
    try:
        keep_master(identity, settings, (await store.registry.load()).entities)
        return Gateway(settings, identity, store, store.clock)
    except BaseException:
        await store.close()
        raise


def _check_egress(settings: Settings) -> None:
    """Refuse what could be found wrong only after the store was opened, or at the first message."""
    EgressPolicy.parse(settings.allow_networks)
    if settings.watcher_url is not None:
        try:
            parse_url(settings.watcher_url.get_secret_value())
        except InvalidUrl as error:
            raise ConfigurationError(f"TOCSIN_WATCHER_URL: {error}") from error
    for kind in discovery.destinations().values():
        if fault := kind.fault(settings):
            raise ConfigurationError(fault)


def _tools(settings: Settings, egress: Egress, clock: Clock) -> Tools:
    return Tools(
        http=egress.http,
        dialer=egress.mail,
        tls=egress.tls,
        clock=clock,
        domain=settings.domain,
        public_url=settings.public_url,
        smtp_url=settings.smtp_url,
        sms_url=settings.sms_url,
    )


def _lanes(settings: Settings) -> Limits:
    return Limits(
        settings.in_flight,
        settings.destination_in_flight,
        # Without places nothing is born leased: everything waits for a node that sends.
        settings.lane_places if settings.role != INGEST else 0,
        settings.lanes_memory_bytes,
        settings.max_body_bytes,
    )


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        head_seconds=settings.request_timeout_seconds,
        idle_seconds=settings.idle_timeout_seconds,
        max_connections=affordable_connections(settings.max_connections, settings.in_flight),
        max_per_address=settings.max_connections_per_address,
        max_body_bytes=settings.max_body_bytes,
    )


async def migrate(settings: Settings) -> str:
    """Bring the schema of the store up to date; return a line that says what was done.

    Raises ConfigurationError, one line that says what to do.
    """
    database = _database(settings)
    if database.startswith(POSTGRES):
        return await _postgres().migrate(database, clock=SystemClock())
    store = await SqliteStore.open(_file(settings, database), clock=SystemClock())
    await store.close()
    return f"{_file(settings, database)}: up to date"


async def back_up(settings: Settings, target: Path, progress: Callable[[float], None]) -> str:
    """Copy the store into a new file, in use or not; return a line that says what was done.

    Raises ConfigurationError, one line.
    """
    database = _database(settings)
    if database.startswith(POSTGRES):
        size = await _postgres().back_up(database, target)
    else:
        size = await asyncio.to_thread(copying.back_up, _file(settings, database), target, progress)
    return f"{target}: {size:,} bytes; the master key is not in it"


async def restore(settings: Settings, backup: Path, progress: Callable[[float], None]) -> str:
    """Put a copy in the place of the store, which nobody may use; return a line that says what was done.

    Raises ConfigurationError, one line.
    """
    database = _database(settings)
    if database.startswith(POSTGRES):
        await _postgres().restore(database, backup, clock=SystemClock())
        return f"restored from {backup}"
    aside = await asyncio.to_thread(copying.restore, backup, _file(settings, database), progress)
    return f"restored from {backup}" + (f"; what was there is now {aside}" if aside else "")


async def _open_store(settings: Settings, clock: Clock, keyprint: Keyprint) -> Store:
    database = _database(settings)
    if database.startswith(POSTGRES):
        return await _postgres().open(database, clock=clock, keyprint=keyprint, name=settings.node_name)
    if settings.role != "all":
        raise ConfigurationError("TOCSIN_ROLE: a SQLite store has one process; several need postgresql://")
    return await SqliteStore.open(
        _file(settings, database), clock=clock, free_space_floor=settings.free_space_floor_bytes
    )


def _postgres() -> type[PostgresStore]:
    """Loaded only where it is used: asyncpg takes some MiB."""
    from gateway.storage.postgres.store import PostgresStore

    return PostgresStore


def _database(settings: Settings) -> str:
    database = settings.database
    if database and not database.startswith((SQLITE, *POSTGRES)):
        raise ConfigurationError(
            f"TOCSIN_DATABASE: {database.split(':')[0]!r} is not known; use sqlite:///path or "
            "postgresql://user@host/name"
        )
    return database


def _file(settings: Settings, database: str) -> Path:
    return Path(database.removeprefix(SQLITE)) if database else settings.data_dir / STORE_FILE
