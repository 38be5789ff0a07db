"""What a preset makes of its monitors: found again, put back, switched, and kept as they were changed."""

from dataclasses import replace

import pytest

from gateway.domain.errors import Invalid
from gateway.domain.monitor import MonitorKind
from gateway.domain.schedule import Schedule
from gateway.domain.source import SELF, Source
from gateway.domain.topic import SourceRule, TopicSource
from gateway.service.monitors import Monitors
from gateway.service.preset_plan import Wishes
from gateway.service.presets import Presets
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics
from schemas.presets import presets
from tests.unit.service.configuring import INSTANCE, configured

OTHER = Source("o", "i", "other", 1.0, 1.0)
HEARD = 'type starts-with io.tocsin.monitor. and data.monitor starts-with "kymaros: regression"'


class Memory:
    """What monitors remember, as far as it is forgotten."""

    def __init__(self):
        self.forgotten = []

    async def forget(self, monitor_id):
        self.forgotten.append(monitor_id)


class Desk:
    """A configuration, and presets that are applied to it."""

    def __init__(self, registry, configurator):
        self.registry, self.configurator, self.memory = registry, configurator, Memory()
        self.monitors = Monitors(configurator, self.memory)
        self.topics = Topics(configurator)
        self.presets = Presets(configurator, self.topics, Subscriptions(configurator), self.monitors)

    async def apply(self, preset="kymaros", source="s", *, dry_run=False, **wishes):
        plan = await self.presets.apply(INSTANCE, preset, Wishes(source, **wishes), dry_run=dry_run)
        return [
            (one.action, one.entity.name) for one in plan.steps if one.entity.id in plan.snapshot.monitors
        ] + [(one.action, one.entity.name) for one in plan.steps if one.entity.id in plan.gone]

    @property
    def made(self):
        return {one.name: one for one in self.configurator.snapshot.monitors.values()}

    def topic(self, name):
        return next(one for one in self.configurator.snapshot.topics.values() if one.name == name)


@pytest.fixture
async def desk():
    registry, _, configurator = await configured(OTHER)
    return Desk(registry, configurator)


@pytest.mark.parametrize("preset", presets())
async def test_monitors_are_made_with_the_rest_and_once(desk, preset):
    would = await desk.apply(preset, dry_run=True)
    assert would and desk.made == {}
    version = desk.registry.number
    assert await desk.apply(preset) == would
    assert desk.registry.number == version + 1, "all of it in one change"
    assert {name for _, name in would} == desk.made.keys() == {one.name for one in presets()[preset].monitors}
    before = desk.made
    assert {action for action, _ in await desk.apply(preset)} == {"keep"}
    assert desk.made == before
    for one in presets()[preset].monitors:
        made = desk.made[one.name]
        assert (made.paused, made.source_id, made.kind) == (not one.enabled, "s", one.kind)


async def test_topics_take_what_monitors_tell_beside_what_else_feeds_them(desk):
    await desk.apply()
    feeds = {
        one.source_id: [rule.rule for rule in one.rules] for one in desk.topic("kymaros on-success").sources
    }
    assert feeds[SELF] == [HEARD] and len(feeds["s"]) == 1
    assert SELF not in {one.source_id for one in desk.topic("kymaros on-failure").sources}
    topic = desk.topic("kymaros on-success")
    spoilt = (
        *(one for one in topic.sources if one.source_id != SELF),
        TopicSource("o", (SourceRule("", rule="true"),)),
    )
    await desk.topics.replace(INSTANCE, topic.id, {"sources": spoilt})
    await desk.apply()
    feeds = {
        one.source_id: [rule.rule for rule in one.rules] for one in desk.topic("kymaros on-success").sources
    }
    assert feeds[SELF] == [HEARD] and feeds["o"] == ["true"]


async def test_a_topic_of_monitors_only_has_no_other_feed(desk):
    await desk.apply("dbackup")
    assert [one.source_id for one in desk.topic("dbackup first-failure").sources] == [SELF]


async def test_what_is_looked_at_is_put_back_and_figures_stay(desk):
    await desk.apply()
    made = desk.made["kymaros: regression"]
    await desk.monitors.update(
        INSTANCE, made.id, {"rule": "false", "unless": "", "threshold": 20.0, "remind_every": 60.0}
    )
    assert await desk.apply() == [("update", "kymaros: regression")]
    again = desk.made["kymaros: regression"]
    assert (again.id, again.rule, again.unless) == (made.id, made.rule, made.unless)
    assert (again.threshold, again.remind_every) == (20.0, 60.0)
    await desk.apply(figures={"regression": {"threshold": 10.0}})
    assert desk.made["kymaros: regression"].threshold == 10.0


async def test_switches_pause_and_resume_and_what_is_not_said_stays(desk):
    await desk.apply("ironcore")
    assert desk.made["ironcore: missing backup"].paused
    await desk.apply("ironcore", events={"missing_backup": True})
    assert not desk.made["ironcore: missing backup"].paused
    await desk.apply("ironcore")
    assert not desk.made["ironcore: missing backup"].paused
    await desk.apply("ironcore", events={"missing_backup": False})
    assert desk.made["ironcore: missing backup"].paused


async def test_another_period_begins_the_expectation_anew_and_the_same_one_does_not(desk):
    await desk.apply("dbackup")
    began = desk.made["dbackup: missing backup"].since
    desk.configurator.clock.advance(100)
    await desk.apply("dbackup", figures={"missing_backup": {"schedule": Schedule(every=48 * 3600.0)}})
    assert desk.made["dbackup: missing backup"].since == began
    await desk.apply("dbackup", figures={"missing_backup": {"schedule": Schedule(by="06:00")}})
    changed = desk.made["dbackup: missing backup"]
    assert (changed.since, changed.schedule) == (began + 100, Schedule(by="06:00"))
    assert changed.remind_every == 24 * 3600


async def test_another_source_has_monitors_of_its_own_and_the_same_topics(desk):
    await desk.apply()
    assert await desk.apply(source="o") == [("create", "kymaros: regression (other)")]
    assert {name: one.source_id for name, one in desk.made.items()} == {
        "kymaros: regression": "s",
        "kymaros: regression (other)": "o",
    }
    assert await desk.apply(source="o") == [("keep", "kymaros: regression (other)")]
    assert await desk.apply() == [("keep", "kymaros: regression")]
    feeds = [one.source_id for one in desk.topic("kymaros on-success").sources]
    assert sorted(feeds) == sorted(["s", "o", SELF])


async def test_a_name_that_somebody_took_is_left_to_them(desk):
    mine = await desk.monitors.create(
        INSTANCE, {"name": "kymaros: regression", "schedule": Schedule(every=60.0)}
    )
    assert await desk.apply() == [("create", "kymaros: regression (s)")]
    assert desk.made["kymaros: regression"] == mine


async def test_what_the_preset_does_not_have_any_more_is_removed_and_forgotten(desk):
    await desk.apply()
    fields = {"schedule": Schedule(every=60.0), "source_id": "s"}
    old = await desk.monitors.create(INSTANCE, {"name": "kymaros: of old", **fields})
    await desk.monitors.create(INSTANCE, {"name": "mine", **fields})
    await desk.monitors.create(INSTANCE, {"name": "kymaros: elsewhere", **fields, "source_id": "o"})
    assert ("remove", "kymaros: of old") in await desk.apply()
    assert desk.made.keys() == {"kymaros: regression", "mine", "kymaros: elsewhere"}
    assert desk.memory.forgotten == [old.id]


async def test_one_that_measures_something_else_is_replaced(desk):
    await desk.apply()
    made = desk.made["kymaros: regression"]
    other = replace(made, value="data.points")
    desk.registry.entities[made.id] = other
    desk.registry.number += 1
    await desk.configurator.refresh()
    assert await desk.apply() == [("create", "kymaros: regression"), ("remove", "kymaros: regression")]
    again = desk.made["kymaros: regression"]
    assert again.id != made.id and again.value == made.value and desk.memory.forgotten == [made.id]


@pytest.mark.parametrize(
    ("preset", "figures", "pointer", "expected"),
    [
        ("kymaros", {"nothing": {}}, "/monitors", "one of regression"),
        (
            "kymaros",
            {"regression": {"schedule": Schedule(every=60.0)}},
            "/monitors/regression",
            "one of threshold, remind_every_seconds",
        ),
        ("dbackup", {"missing_backup": {"count": 3}}, "/monitors/missing_backup", "grace_seconds"),
        ("dbackup", {"first_failure": {"grace": 3.0}}, "/monitors/first_failure", "count"),
    ],
)
async def test_figures_that_a_monitor_does_not_go_by_are_refused(desk, preset, figures, pointer, expected):
    with pytest.raises(Invalid) as refused:
        await desk.apply(preset, figures=figures)
    (problem,) = refused.value.problems
    assert (problem.code, problem.pointer) == ("preset_member_unknown", pointer)
    assert expected in str(problem.expected) and desk.made == {}


async def test_a_schedule_that_is_none_is_refused_and_nothing_is_made(desk):
    with pytest.raises(Invalid) as refused:
        await desk.apply("dbackup", figures={"missing_backup": {"schedule": Schedule()}})
    assert refused.value.problems[0].pointer == "/monitors/missing_backup/schedule"
    assert desk.made == {} and not desk.configurator.snapshot.topics


def test_every_kind_has_a_figure_at_least():
    used = {MonitorKind(one.kind) for preset in presets().values() for one in preset.monitors}
    assert used == set(MonitorKind)
