"""What every instance has by itself, also those that an older gateway made."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from structlog.testing import CapturingLogger

from gateway.domain.destination import Destination
from gateway.domain.errors import Unavailable
from gateway.domain.source import Instance
from gateway.pipeline.snapshot import Current, build
from gateway.ports import Configuration
from gateway.service.configuration import Configurator
from gateway.service.instances import Instances
from tests.fakes.clock import FakeClock
from tests.unit.service.configuring import OPERATOR, MemoryRegistry, configured

MAIL = Destination("d", "i", "our mail", "smtp_ibm", 1.0, 1.0, description="kept")
OTHER = Instance("j", "j", 2.0, 2.0)


def kinds(registry: MemoryRegistry) -> Counter[tuple[str, str]]:
    """How many destinations there are, by instance and kind."""
    rows = [row for row in registry.entities.values() if isinstance(row, Destination)]
    return Counter((row.instance_id, row.kind) for row in rows)


def once(*instances: str) -> Counter[tuple[str, str]]:
    return Counter((one, kind) for one in instances for kind in ("smtp_ibm", "sms_ibm"))


async def test_a_new_instance_has_mail_and_sms():
    registry, _, configurator = await configured()
    made = await Instances(configurator).create("new")
    assert kinds(registry) == once(made.id)


async def test_what_instances_of_an_older_gateway_lack_is_added_once():
    registry, current, configurator = await configured(MAIL, OTHER)
    instances = Instances(configurator)
    await instances.complete()
    assert kinds(registry) == once("i", "j")
    assert registry.entities["d"] == MAIL, "what was there stays as it was"
    version = current.snapshot.version
    await instances.complete()
    assert (registry.number, current.snapshot.version) == (version, version), "nothing was left to do"


async def test_a_store_that_takes_no_changes_now_gets_them_at_the_next_start(monkeypatch):
    registry, _, configurator = await configured(MAIL)
    registry.failure, registry.committed = Unavailable("store_unavailable", "not now"), False
    logged = CapturingLogger()
    monkeypatch.setattr("gateway.service.instances.log", logged)
    await Instances(configurator).complete()
    assert [(one.args[0], one.kwargs["code"]) for one in logged.calls] == [
        ("instances.incomplete", "store_unavailable")
    ]
    assert kinds(registry) == Counter([("i", "smtp_ibm")])
    await Instances(configurator).complete()
    assert kinds(registry) == once("i")


async def test_without_any_instance_a_refusal_is_told():
    registry = MemoryRegistry()
    registry.failure, registry.committed = Unavailable("store_unavailable", "not now"), False
    current = Current(build(Configuration(0, ()), OPERATOR))
    configurator = Configurator(registry, current, OPERATOR, FakeClock(), lambda: None)
    with pytest.raises(Unavailable, match="not now"):
        await Instances(configurator).complete()


async def test_two_nodes_that_start_at_once_make_one_instance_with_one_of_each():
    registry = MemoryRegistry()
    starting = []
    for _ in range(2):
        current = Current(build(Configuration(0, ()), OPERATOR))
        configurator = Configurator(registry, current, OPERATOR, FakeClock(), lambda: None)
        await configurator.refresh()
        starting.append(Instances(configurator).complete())
    await asyncio.gather(*starting)
    (default,) = [row for row in registry.entities.values() if isinstance(row, Instance)]
    assert default.name == "default"
    assert kinds(registry) == once(default.id)
