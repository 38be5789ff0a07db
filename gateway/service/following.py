"""Following incidents: reminding of what lasts, escalating what nobody takes up, telling of an end that time
or a person brought.

Every node does this on its own; nobody is elected. Ids of events and deliveries are computed from what they
are, so that two who do one thing do it once; how far an incident was looked at is written on the condition
that nobody else wrote it since, and a crash before that does it again, to no effect.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import floor

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import Delivery, State
from gateway.domain.errors import Refused
from gateway.domain.ids import EventId, SubscriptionId
from gateway.domain.incident import Incident, IncidentState, Thread, calmed, ended, stepped
from gateway.domain.noise import Escalation, NoiseInForce, Unless
from gateway.pipeline.also import ESCALATED, WAS_TOLD, for_people, planned_again, planned_for
from gateway.pipeline.snapshot import Current, Snapshot, configuration_busy
from gateway.ports import DeliveryFilter, Entry, Incidents, Ledger, StaleRoutingError
from gateway.service.incident_events import ending, reminder
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Seconds between two looks at the time."""
AWAKE = 100
"""Incidents that one round looks at."""
MOST_DELIVERIES = 1_000
MAX_TRIES = 20


class Following:
    """One node's part in it. `wake` is called when deliveries wait to be claimed."""

    def __init__(
        self,
        current: Current,
        incidents: Incidents,
        ledger: Ledger,
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        self._current, self._incidents, self._ledger = current, incidents, ledger
        self._clock, self._metrics, self._wake = clock, metrics, wake
        self._looked_by: Snapshot | None = None
        self._policies: Mapping[SubscriptionId, NoiseInForce] = {}
        self._woken = asyncio.Event()

    def woken(self) -> None:
        """Somebody resolved an incident: its end is to be told."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow until `stopping` is set."""
        while not stopping.is_set():
            self._woken.clear()
            try:
                if await self.round():
                    continue
            except Refused as error:
                log.warning("incidents.failed", code=error.code, detail=error.detail)
                await asyncio.sleep(LOOK_SECONDS)
            except Exception:
                log.error("incidents.broke", exc_info=True)
                await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()

    async def round(self) -> bool:
        """What there is to do by now, or much of it: True when more waits. Raises what the store raises."""
        snapshot = self._current.snapshot
        if snapshot is not self._looked_by:
            await self._look_anew(snapshot)
        awake = await self._incidents.awake(self._clock.now(), AWAKE)
        looked = [await self._looked(incident) for incident in awake]
        return len(awake) == AWAKE and any(looked)

    async def _looked(self, incident: Incident) -> bool:
        """Look at one; what is wrong with it keeps nobody from the others."""
        try:
            await self._look(incident)
        except Refused:
            raise
        except Exception:
            log.error("incidents.broke", incident=incident.id, exc_info=True)
            return False
        return True

    async def _look_anew(self, snapshot: Snapshot) -> None:
        """Where policies changed, incidents may want something sooner."""
        policies = {one: noise.in_force for one, noise in snapshot.noises.items()}
        if policies != self._policies:
            await self._incidents.rouse(list(snapshot.instances), self._clock.now())
        self._looked_by, self._policies = snapshot, policies

    async def _look(self, incident: Incident) -> None:
        now = self._clock.now()
        if incident.telling:
            await self._tell_end(incident, now)
            await self._incidents.save(ended(incident))
        elif closed := calmed(incident, now):
            if await self._incidents.save(closed):
                log.info("incident.calm", incident=incident.id, failures=incident.failures)
                await self._look(closed)
        else:
            await self._step(incident, now)

    async def _tell_end(self, incident: Incident, now: float) -> None:
        """To who heard of it: by the event that told of the recovery, else by one of the gateway's own."""
        threads = await self._incidents.threads(incident.id)
        if incident.recovered_by is None:
            await self._append(lambda snapshot: ending(incident, threads, snapshot, now))
            return
        stored = await self._ledger.event(incident.instance_id, incident.recovered_by)
        if stored is not None:
            snapshot = self._current.snapshot
            people = [one for one in threads if for_people(snapshot, one.subscription_id)]
            planned = planned_again(snapshot, people, stored.accepted, WAS_TOLD, now)
            if await self._incidents.plan(stored.accepted.id, planned):
                self._wake()

    async def _step(self, incident: Incident, now: float) -> None:
        """What its policies want by now, and when to look again."""
        times, decided = list[float](), list[SubscriptionId]()
        if incident.state is IncidentState.OPEN and self._current.snapshot.noises:
            rows = await self._opening(incident)
            times += await self._remind(incident, rows, now)
            later, decided = await self._escalate(incident, rows, now)
            times += later
        await self._incidents.save(stepped(incident, min(times, default=None), decided))

    async def _remind(self, incident: Incident, rows: Sequence[Delivery], now: float) -> list[float]:
        """Those whose time has come again, each with the last reminder that is due; when the next are."""
        times = []
        threads = await self._incidents.threads(incident.id)
        for subscription_id, some in groupby(threads, key=lambda one: one.subscription_id):
            reminders = self._current.snapshot.policy(subscription_id).reminders
            if reminders is None:
                continue
            every = reminders.every
            number = floor((now - incident.opened_at) / every)
            times.append(incident.opened_at + (number + 1) * every)
            due = [one for one in some if one.at < incident.opened_at + number * every]
            if number > 0 and due:
                await self._say(incident, number, due, now)
        return times or self._first_reminders(incident, rows, now)

    def _first_reminders(self, incident: Incident, rows: Sequence[Delivery], now: float) -> list[float]:
        """Nobody was reached yet who wants reminders: somebody may be by the time of the first one."""
        wanted = (self._current.snapshot.policy(row.subscription_id).reminders for row in rows)
        every = min((one.every for one in wanted if one), default=None)
        if every is None:
            return []
        return [incident.opened_at + (floor((now - incident.opened_at) / every) + 1) * every]

    async def _say(self, incident: Incident, number: int, due: Sequence[Thread], now: float) -> None:
        stored = await self._ledger.event(incident.instance_id, EventId(incident.id))
        opening = stored.accepted if stored else None
        if await self._append(lambda snapshot: reminder(incident, number, due, snapshot, now, opening)):
            self._metrics.incident_reminders.inc()
            log.info("incident.reminded", incident=incident.id, subscription=due[0].subscription_id)

    async def _escalate(
        self, incident: Incident, rows: Sequence[Delivery], now: float
    ) -> tuple[list[float], list[SubscriptionId]]:
        """Plan what is due; when the rest is, and for which subscriptions it was decided. To whom an
        escalation led, nothing escalates from."""
        times, decided = list[float](), list[SubscriptionId]()
        snapshot = self._current.snapshot
        led = {policy.to for one in incident.escalated if (policy := snapshot.policy(one).escalation)}
        for subscription_id in dict.fromkeys(row.subscription_id for row in rows):
            policy = snapshot.policy(subscription_id).escalation
            if policy is None or subscription_id in incident.escalated or subscription_id in led:
                continue
            if now < incident.opened_at + policy.after:
                times.append(incident.opened_at + policy.after)
                continue
            decided.append(subscription_id)
            own = [row for row in rows if row.subscription_id == subscription_id]
            if policy.unless is Unless.ACKNOWLEDGED or any(row.state is not State.DELIVERED for row in own):
                await self._plan(incident, subscription_id, policy)
        return times, decided

    async def _opening(self, incident: Incident) -> Sequence[Delivery]:
        """The deliveries of the event that opened it."""
        wanted = DeliveryFilter(event_id=EventId(incident.id))
        page = await self._ledger.deliveries(incident.instance_id, wanted, limit=MOST_DELIVERIES)
        return page.rows

    async def _plan(self, incident: Incident, subscription_id: SubscriptionId, policy: Escalation) -> None:
        stored = await self._ledger.event(incident.instance_id, EventId(incident.id))
        if stored is None:
            return
        to, now = policy.to or subscription_id, self._clock.now()
        planned = planned_for(self._current.snapshot, to, stored.accepted, ESCALATED, now, subscription_id)
        added = await self._incidents.plan(stored.accepted.id, planned, again=policy.to is None)
        if added:
            self._metrics.incident_escalations.inc()
            log.info("incident.escalated", incident=incident.id, subscription=subscription_id, added=added)
            self._wake()

    async def _append(self, made: Callable[[Snapshot], Entry]) -> bool:
        """Accept an event of the gateway's own; False for one that was accepted before."""
        for _ in range(MAX_TRIES):
            snapshot = self._current.snapshot
            try:
                (appended,) = await self._ledger.append([made(snapshot)], routed_with=snapshot.version)
            except StaleRoutingError:
                await self._current.newer_than(snapshot.version)
                continue
            self._wake()
            return not appended.duplicate
        raise configuration_busy()
