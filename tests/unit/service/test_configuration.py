"""A change is in force once it is answered, and what cannot be in force is never stored."""

import asyncio

import pytest

from gateway.domain.errors import Conflict, Unavailable
from gateway.pipeline import snapshot as snapshots
from gateway.ports import NameTakenError, Put
from gateway.service import configuration
from gateway.service.configuration import Decision
from tests.unit.service.configuring import SOURCE, configured, topic

FULL = Unavailable("store_busy", "not now")


def put(entity):
    return lambda _: Decision("done", [Put(entity)])


async def test_a_change_is_in_force_once_it_is_answered():
    registry, current, configurator = await configured()
    assert await configurator.change(put(topic())) == "done"
    assert current.snapshot.version == registry.number == 2 and "t" in current.snapshot.topics
    assert registry.loads == 1, "what is known is not read again"


async def test_what_cannot_be_made_a_snapshot_of_is_never_applied(monkeypatch):
    registry, current, configurator = await configured()

    def refuse(*_):
        raise ArithmeticError

    monkeypatch.setattr(configuration, "build", refuse)
    with pytest.raises(ArithmeticError):
        await configurator.change(put(topic()))
    assert registry.number == current.snapshot.version == 1 and "t" not in registry.entities


async def test_a_change_that_was_committed_is_in_force_although_it_failed():
    registry, current, configurator = await configured()
    registry.failure = FULL
    with pytest.raises(Unavailable):
        await configurator.change(put(topic()))
    assert current.snapshot.version == registry.number == 2 and "t" in current.snapshot.topics
    assert await configurator.change(put(topic("u"))) == "done"


async def test_a_change_that_was_not_committed_leaves_everything_as_it_was():
    registry, current, configurator = await configured()
    registry.failure, registry.committed = FULL, False
    with pytest.raises(Unavailable):
        await configurator.change(put(topic()))
    assert current.snapshot.version == 1 and not current.snapshot.topics
    registry.failure, registry.committed = NameTakenError("name:t"), False
    with pytest.raises(Conflict):
        await configurator.change(put(topic()))


async def test_who_waits_for_a_newer_version_gets_it_from_the_store(monkeypatch):
    monkeypatch.setattr(snapshots, "NEWER_SECONDS", 0.01)
    registry, current, configurator = await configured()
    registry.failure, registry.unread = FULL, FULL
    with pytest.raises(Unavailable, match="not now"):
        await configurator.change(put(topic()))
    assert current.snapshot.version == 1, "nobody could read what was committed"
    with pytest.raises(Unavailable):
        await current.newer_than(1)
    registry.unread = None
    loads = registry.loads
    await asyncio.gather(*(current.newer_than(1) for _ in range(50)))
    assert current.snapshot.version == 2 and "t" in current.snapshot.topics
    assert registry.loads == loads + 1, "fifty who wait read it once"


async def test_a_reload_under_way_never_undoes_a_change():
    registry, current, configurator = await configured()
    await asyncio.gather(configurator.change(put(topic())), configurator.refresh(), current.reload())
    await configurator.change(put(SOURCE))
    assert "t" in current.snapshot.topics and current.snapshot.version == registry.number == 3
