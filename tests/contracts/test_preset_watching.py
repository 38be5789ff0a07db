"""Monitors that presets make, over a store and under a moved clock: the products' own payloads come, or do
not, and what is said of that is planned for those whom the preset means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.domain.destination import Destination
from gateway.domain.monitor import MonitorState
from gateway.domain.schedule import Schedule
from gateway.domain.source import Instance, Key, Role, Source
from gateway.pipeline.receive import receive
from gateway.ports import DeliveryFilter, Put
from gateway.security.keys import generate
from gateway.service.monitors import Monitors
from gateway.service.preset_plan import Plan, Target, Wishes
from gateway.service.presets import Presets
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics
from schemas.presets import presets
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE
from tests.contracts.test_watching import Node, node_on, pass_time
from tests.fakes.clock import FakeClock

SAMPLES = Path(__file__).parents[1] / "data" / "sources"
FRESH = generate()
MINUTE = {"schedule": Schedule(every=60.0), "remind_every": 100.0}
TENANT = Instance(INSTANCE, "i", 1.0, 1.0)
BREACH = "io.tocsin.monitor."


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.request.json").read_text("utf-8"))["json"]


class Scene:
    """A preset applied to a source of its format, with a destination for each role."""

    def __init__(self, node: Node, preset: str, source: Source) -> None:
        self.node, self.preset, self.source = node, preset, source
        configurator = node.configurator
        self.monitors = Monitors(configurator, node.store.monitors)
        parts = Topics(configurator), Subscriptions(configurator), self.monitors
        self.presets = Presets(configurator, *parts)
        self.number = 0

    async def apply(self, **wishes: Any) -> Plan:
        return await self.presets.apply(TENANT, self.preset, Wishes(self.source.id, **wishes), dry_run=False)

    async def apply_roles(self, **wishes: Any) -> Plan:
        roles = {role: [Target(role)] for role in presets()[self.preset].roles}
        return await self.apply(roles=roles, **wishes)

    async def send(self, payload: Mapping[str, Any]) -> None:
        """A payload, and what monitors make of it."""
        headers = [(b"Authorization", f"Bearer {FRESH.text}".encode())]
        cloudevent = self.source.format == "cloudevents"
        kind = b"application/cloudevents+json" if cloudevent else b"application/json"
        envelope = receive(
            instance=INSTANCE,
            headers=[*headers, (b"Content-Type", kind)],
            body=json.dumps(payload).encode(),
            received_at=self.node.clock.now(),
            source_hint=self.source.id,
            max_body=100_000,
        )
        take = self.node.ingest.take if cloudevent else self.node.ingest.take_native
        await take(envelope)
        await self.node.watching.round()

    async def told(self) -> dict[str, list[str]]:
        """What monitors said since the last look, as `monitor: happening`, by the roles it is planned for."""
        found: dict[str, list[str]] = {}
        page = await self.node.store.ledger.deliveries(INSTANCE, DeliveryFilter(), limit=500)
        for row in reversed(page.rows[: len(page.rows) - self.number]):
            stored = await self.node.store.ledger.event(INSTANCE, row.event_id)
            assert stored is not None
            event = stored.accepted.event
            if event.type.startswith(BREACH):
                said = f"{json.loads(event.data)['monitor']}: {event.type.removeprefix(BREACH)}"
                found.setdefault(row.destination_id, []).append(said)
        self.number = len(page.rows)
        return found

    async def states(self) -> dict[str, MonitorState]:
        watched = await self.monitors.watched(list(self.node.configurator.snapshot.monitors.values()))
        return {one.monitor.name: one.state for one in watched}


@pytest.fixture
def scene(house: House, clock: FakeClock) -> Any:
    async def made(preset: str, format_: str = "") -> Scene:
        source = Source("product", INSTANCE, "product", 1.0, 1.0, format=format_ or preset)
        key = Key(FRESH.id, INSTANCE, "product", Role.SOURCE, FRESH.digest, 1.0, 1.0, source.id)
        destinations = [
            Destination(role, INSTANCE, role, "webhook", 1.0, 1.0, enabled=False)
            for role in presets()[preset].roles
        ]
        node = await node_on(await house.open(), clock)
        known = await node.store.registry.version()
        await node.store.registry.apply([Put(one) for one in (source, key, *destinations)], expected=known)
        await node.configurator.refresh()
        return Scene(node, preset, source)

    return made


def report(score: int, name: str = "03-documented-pass", **members: Any) -> dict[str, Any]:
    """A pass of Kymaros with this score; each is a report of its own."""
    return {**sample(f"kymaros/{name}"), "score": score, "reportRef": f"webapp-{score}", **members}


async def test_kymaros_a_score_that_falls_is_told_though_kymaros_does_not_say_so(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    for score in (100, 90, 80):
        await kymaros.send(report(score))
    assert await kymaros.told() == {}, "ten points are no regression"
    await kymaros.send(report(69))
    assert await kymaros.told() == {"on-success": ["kymaros: regression: dropped"]}
    await kymaros.send(report(85, testName="another"))
    await kymaros.send(report(75))
    assert await kymaros.told() == {"on-success": ["kymaros: regression: recovered"]}


async def test_kymaros_what_it_says_by_itself_or_cannot_know_is_no_drop(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    await kymaros.send(report(85))
    for name in (
        "08-test-that-could-not-run",
        "05-code-regression-of-a-pass",
        "04-code-failure",
        "06-code-regression-of-a-failure",
        "07-code-partial",
        "01-seed-payload",
        "02-documented-regression",
    ):
        await kymaros.send(sample(f"kymaros/{name}"))
    await kymaros.send(report(100))
    await kymaros.send({**report(100), "score": None, "reportRef": "unread"})
    await kymaros.send({**report(100), "score": "", "reportRef": "unread too"})
    assert await kymaros.told() == {}
    assert await kymaros.states() == {"kymaros: regression": MonitorState.OK}


async def test_kymaros_a_test_that_could_not_run_has_no_score_to_compare_with(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    await kymaros.send(report(85))
    await kymaros.send(sample("kymaros/08-test-that-could-not-run"))
    await kymaros.send(report(60))
    assert await kymaros.told() == {"on-success": ["kymaros: regression: dropped"]}


def job(name: str = "01-backup-success", size: str = "", number: int = 0) -> dict[str, Any]:
    """The end of a job of DBackup; each was sent at another time."""
    body = sample(f"dbackup/{name}")
    fields = [{**row, "value": size} if size and row["name"] == "Size" else row for row in body["fields"]]
    return {**body, "fields": fields, "timestamp": f"2026-05-21T02:14:{number:02}.123Z"}


async def test_dbackup_a_missing_backup_is_told_reminded_of_and_ended(scene: Any):
    dbackup = await scene("dbackup")
    await dbackup.apply_roles(figures={"missing_backup": MINUTE})
    await dbackup.send(job())
    await pass_time(56, dbackup.node)
    await dbackup.send(sample("dbackup/02-backup-failure"))
    assert "system" not in await dbackup.told()
    await pass_time(8, dbackup.node)
    assert await dbackup.told() == {"system": ["dbackup: missing backup: missed"]}
    await pass_time(92, dbackup.node)
    assert await dbackup.told() == {}
    await pass_time(12, dbackup.node)
    assert "dbackup: missing backup: reminder" in (await dbackup.told())["system"]
    await dbackup.send(sample("dbackup/03-backup-partial-without-event-type"))
    assert await dbackup.states() == {
        "dbackup: missing backup": MonitorState.OK,
        "dbackup: size spike": MonitorState.OK,
        "dbackup: size fall": MonitorState.OK,
        "dbackup: size limit": MonitorState.PAUSED,
        "dbackup: first failure": MonitorState.BREACHED,
        "dbackup: failures in a row": MonitorState.OK,
    }
    assert (await dbackup.told())["system"] == ["dbackup: missing backup: recovered"]


async def test_dbackup_failures_are_told_once_then_in_a_row_and_their_end(scene: Any):
    dbackup = await scene("dbackup")
    await dbackup.apply_roles(figures={"first_failure": {"remind_every": 60.0}})
    await dbackup.send(job())
    await dbackup.send(job("02-backup-failure", number=1))
    assert await dbackup.told() == {"first-failure": ["dbackup: first failure: failing"]}
    await dbackup.send(sample("dbackup/03-backup-partial-without-event-type"))
    await pass_time(64, dbackup.node)
    assert await dbackup.told() == {"first-failure": ["dbackup: first failure: reminder"]}
    await dbackup.send(job("02-backup-failure", number=2))
    assert await dbackup.told() == {"failures-in-a-row": ["dbackup: failures in a row: failing"]}
    await dbackup.send(job(number=3))
    assert await dbackup.told() == {
        "first-failure": ["dbackup: first failure: recovered"],
        "failures-in-a-row": ["dbackup: failures in a row: recovered"],
    }


async def test_dbackup_a_role_for_some_jobs_hears_of_breaches_of_these_jobs_only(scene: Any):
    dbackup = await scene("dbackup")
    roles = {"first-failure": [Target("first-failure", only='job matches "dev-*"')]}
    await dbackup.apply(roles=roles)
    await dbackup.send(job("02-backup-failure"))
    assert await dbackup.told() == {}
    failed = json.dumps(job("02-backup-failure", number=1)).replace("nightly", "dev-shop")
    await dbackup.send(json.loads(failed))
    assert await dbackup.told() == {"first-failure": ["dbackup: first failure: failing"]}


async def test_dbackup_sizes_are_compared_and_what_could_not_be_read_is_not_0(scene: Any):
    dbackup = await scene("dbackup")
    await dbackup.apply_roles(
        events={"size_limit": True}, figures={"size_limit": {"threshold": 8.0 * 1024**3}}
    )
    for number, size in enumerate(("1 GB", "0 Bytes", "unknown", "1.5 GB", "1.4 GB")):
        await dbackup.send(job(size=size, number=number))
    assert await dbackup.told() == {}, "a half more is no spike, and an unread size neither a fall nor a rise"
    await dbackup.send(job(size="2.11 GB", number=10))
    await pass_time(8, dbackup.node)
    assert await dbackup.told() == {"system": ["dbackup: size spike: rose"]}
    await dbackup.send(job(size="0 Bytes", number=11))
    assert await dbackup.told() == {}
    await dbackup.send(job(size="2.2 GB", number=12))
    assert await dbackup.told() == {"system": ["dbackup: size spike: recovered"]}
    await dbackup.send(job(size="900 MB", number=13))
    assert await dbackup.told() == {"system": ["dbackup: size fall: dropped"]}
    await dbackup.send(job(size="9 GB", number=14))
    said = (await dbackup.told())["system"]
    assert sorted(said) == [
        "dbackup: size fall: recovered",
        "dbackup: size limit: exceeded",
        "dbackup: size spike: rose",
    ]


async def test_ironcore_a_missing_backup_goes_to_operations_and_to_those_on_call_and_so_does_its_end(
    scene: Any,
):
    ironcore = await scene("ironcore")
    completed = schemas.load("events/ironcore/backup.completed")["examples"][0]
    await ironcore.apply_roles()
    await ironcore.send(completed)
    await pass_time(80, ironcore.node)
    assert await ironcore.told() == {}, "nobody asked for it"
    await ironcore.apply(events={"missing_backup": True}, figures={"missing_backup": MINUTE})
    await ironcore.send({**completed, "event_id": "evt-2"})
    await pass_time(70, ironcore.node)
    everyone = ("ops-mail", "ops-chat", "ops-metrics", "on-call-sms", "on-call-chat")
    assert await ironcore.told() == {role: ["ironcore: missing backup: missed"] for role in everyone}
    await ironcore.send({**completed, "event_id": "evt-3"})
    assert await ironcore.told() == {role: ["ironcore: missing backup: recovered"] for role in everyone}


async def test_backupman_a_dump_that_failed_and_was_never_reported_is_missed(scene: Any):
    backupman = await scene("backupman")
    await backupman.apply_roles(events={"missing_backup": True}, figures={"missing_backup": MINUTE})
    await backupman.send(sample("backupman/01-seed-payload"))
    await pass_time(40, backupman.node)
    await backupman.send(sample("backupman/06-one-drive-of-two-failed"))
    await pass_time(30, backupman.node)
    both = ("reports", "failures")
    assert await backupman.told() == {role: ["backupman: missing backup: missed"] for role in both}
    again = sample("backupman/01-seed-payload")
    again["Payload"]["Id"] = "another"
    await backupman.send(again)
    assert await backupman.told() == {role: ["backupman: missing backup: recovered"] for role in both}


async def test_ibm_a_connection_that_is_silent_is_told_to_operations_only(scene: Any):
    ibm = await scene("ibm-backup", "cloudevents")
    await ibm.apply_roles(events={"heartbeat": True}, figures={"heartbeat": MINUTE})
    timer = {"specversion": "1.0", "source": "/timer", "type": "com.example.timer", "id": "1"}
    await ibm.send(timer)
    await pass_time(70, ibm.node)
    assert await ibm.told() == {"operations": ["ibm-backup: heartbeat: missed"]}
    failure = schemas.load("events/com.ibm.cloud.is.backup-policy.backup-volume-creation")["examples"][0]
    await ibm.send(failure)
    assert (await ibm.told())["operations"] == ["ibm-backup: heartbeat: recovered"]


async def test_a_monitor_that_a_preset_removes_is_forgotten(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    stray = await kymaros.monitors.create(
        TENANT, {"name": "kymaros: of old", "source_id": "product", "schedule": Schedule(every=60.0)}
    )
    await kymaros.send(report(100))
    assert len(await kymaros.node.store.monitors.standings_of(stray.id)) == 1
    plan = await kymaros.apply()
    assert [one.entity.name for one in plan.steps if one.action == "remove"] == ["kymaros: of old"]
    assert await kymaros.node.store.monitors.standings_of(stray.id) == []
    assert list(await kymaros.states()) == ["kymaros: regression"]
