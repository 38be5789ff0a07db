"""Making and ending silences: their bounds, who made them, and how long they are kept."""

import pytest

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.silence import Silence, SilenceState
from gateway.domain.source import Key, Role
from gateway.security.keys import OPERATOR, Principal
from gateway.service import silences as station
from gateway.service.silences import DAY, KEPT_DAYS, Silences, Wanted, author_of
from tests.unit.service.configuring import INSTANCE, configured, topic


async def scene(*entities):
    _, current, configurator = await configured(topic(), *entities)
    return Silences(configurator), current, configurator.clock


def wanted(rule="true", **fields):
    return Wanted(rule, "because", "me", **({"lasts": 60.0} | fields))


def silence(id, start, end, instance="i"):
    return Silence(id, instance, "true", start, end, "me", "because", start, start)


async def test_it_begins_now_unless_said_and_never_earlier():
    silences, current, clock = await scene()
    now = clock.now()
    made = await silences.create(INSTANCE, wanted(topic_id="t"))
    assert (made.starts_at, made.ends_at, made.topic_id) == (now, now + 60, "t")
    assert (await silences.create(INSTANCE, wanted(starts_at=now - 50))).starts_at == now
    later = await silences.create(INSTANCE, wanted(starts_at=now + 50))
    assert (later.starts_at, later.ends_at) == (now + 50, now + 110)
    assert len(current.snapshot.silences) == 3


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"rule": "type ="}, "rule_syntax", "/rule"),
        ({"lasts": None, "ends_at": 5.0}, "silence_invalid", "/ends_at"),
        ({"lasts": 366 * DAY + 1}, "silence_invalid", "/ends_at"),
        ({"lasts": None, "ends_at": 9e12}, "silence_invalid", "/ends_at"),
        ({"starts_at": 9e12}, "silence_invalid", "/starts_at"),
    ],
)
async def test_what_cannot_be_is_refused(fields, code, pointer):
    silences, _, _ = await scene()
    with pytest.raises(Invalid) as refused:
        await silences.create(INSTANCE, wanted(**fields))
    assert [(one.code, one.pointer) for one in refused.value.problems] == [(code, pointer)]


async def test_a_topic_has_to_be_there():
    silences, _, _ = await scene()
    with pytest.raises(NotFound):
        await silences.create(INSTANCE, wanted(topic_id="gone"))


async def test_it_can_be_ended_once_before_its_start_too():
    silences, current, clock = await scene()
    now = clock.now()
    ahead = await silences.create(INSTANCE, wanted(starts_at=now + 50))
    ended = await silences.end(INSTANCE, ahead.id)
    assert (ended.starts_at, ended.ends_at, ended.state(now)) == (now, now, SilenceState.ENDED)
    version = current.snapshot.version
    clock.advance(5)
    assert await silences.end(INSTANCE, ahead.id) == ended
    assert current.snapshot.version == version, "ending it again changes nothing"
    await silences.delete(INSTANCE, ahead.id)
    with pytest.raises(NotFound):
        await silences.end(INSTANCE, ahead.id)


async def test_those_of_others_are_not_there():
    silences, _, clock = await scene(silence("z", 1.0, 9e12, instance="elsewhere"))
    with pytest.raises(NotFound):
        await silences.delete(INSTANCE, "z")
    assert clock.now() > 1


async def test_there_are_so_many_at_most(monkeypatch):
    monkeypatch.setattr(station, "MAX_SILENCES", 2)
    silences, _, clock = await scene(silence("old", 1.0, 2.0), silence("far", 1.0, 9e12))
    await silences.create(INSTANCE, wanted())
    with pytest.raises(Conflict, match="2 silences"):
        await silences.create(INSTANCE, wanted())
    clock.advance(61)
    await silences.create(INSTANCE, wanted())


async def test_what_ended_is_kept_for_a_while(monkeypatch):
    silences, current, clock = await scene()
    first = await silences.create(INSTANCE, wanted())
    clock.advance(60 + KEPT_DAYS * DAY)
    await silences.create(INSTANCE, wanted())
    assert first.id in current.snapshot.silences
    clock.advance(1)
    second = await silences.create(INSTANCE, wanted())
    assert first.id not in current.snapshot.silences
    monkeypatch.setattr(station, "MAX_ENDED", 1)
    clock.advance(3600)
    await silences.create(INSTANCE, wanted())
    assert len(current.snapshot.silences) == 2 and second.id in current.snapshot.silences


async def test_the_author_is_who_calls():
    key = Key("k", "i", "oncall", Role.ADMIN, "", 1.0, 1.0)
    _, current, _ = await scene(key)
    snapshot = current.snapshot
    assert author_of(snapshot, Principal(Role.ADMIN, "k")) == "oncall"
    assert author_of(snapshot, Principal(Role.OPERATOR, OPERATOR)) == "operator"
