"""Bodies of presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.api.shapes.base import Answer, StrictGiven
from gateway.api.shapes.monitors import (
    GRACE,
    REMIND,
    RETIRE,
    THRESHOLD,
    ScheduleGiven,
    Seconds,
    schedule_of,
)
from gateway.api.shapes.noise import PolicyAnswer, policy_answer
from gateway.domain.destination import Subscription
from gateway.domain.ids import DestinationId, SourceId
from gateway.domain.monitor import MEASURING, Monitor, MonitorKind
from gateway.domain.noise import UNSAID
from gateway.domain.template import Template
from gateway.domain.topic import Topic
from gateway.service.noise import edited
from gateway.service.preset_plan import NotifyUser, Plan, Step, Target, Wishes
from schemas.presets import Expectation, Landing, Preset

NOUNS = {Topic: "topic", Subscription: "subscription", Template: "template", Monitor: "monitor"}


class TargetGiven(StrictGiven):
    """Where messages go."""

    destination_id: str
    attributes: dict[str, Any] | None = Field(
        None, description="The address there; without it what it was, or the kind's default."
    )
    only: str = Field("", max_length=4096, description="A rule that has to hold as well.")


Targets = Annotated[list[TargetGiven], Field(max_length=50)]


class FiguresGiven(StrictGiven):
    """When a monitor's breach is one; only what its kind goes by."""

    schedule: ScheduleGiven | None = Field(None, description="Of a `silence`.")
    grace_seconds: Seconds | None = Field(None, description=GRACE)
    remind_every_seconds: Seconds | None = Field(None, description=REMIND)
    retire_after: int | None = Field(None, ge=0, le=100, description=RETIRE)
    threshold: float | None = Field(None, allow_inf_nan=False, description=THRESHOLD)
    count: int | None = Field(None, ge=1, le=1_000, description="So many failures in a row are a breach.")


class PresetApply(StrictGiven):
    """Apply a preset. What is not said stays as it is, or is as the preset has it."""

    source_id: str = Field(description="The source whose events it is about.")
    roles: dict[str, Targets] = Field({}, max_length=50, description="Destinations by role.")
    events: dict[str, bool] = Field({}, max_length=50, description="Switches of events and monitors.")
    monitors: dict[str, FiguresGiven] = Field(
        {}, max_length=50, description="Figures of monitors, by their switch."
    )
    own: dict[str, Targets] = Field(
        {}, max_length=50, description="Destinations that an event has of its own."
    )
    reset: list[str] = Field(
        [], max_length=50, description="Events that go to the global destinations again."
    )
    notify_user: dict[str, Literal["none", "also", "only"]] = Field(
        {},
        max_length=50,
        description="Events that the user is told of: `none`, `also`, `only`.",
    )
    domains: list[str] = Field([], max_length=100, description="Domains of mail addresses of users.")
    dry_run: bool = Field(False, description="Change nothing; answer what would be.")


class PresetTopicAnswer(Answer):
    """A topic of a preset."""

    name: str
    description: str
    rules: list[str]
    enabled: bool
    event: str | None = Field(None, description="The switch.")
    tells_user: bool | None = None
    subscriptions: list[dict[str, str]] = Field(description="Role and rule of each.")
    policy: PolicyAnswer | None = Field(None, description="Its noise policy.")


class PresetMonitorAnswer(Answer):
    """A monitor of a preset."""

    event: str = Field(description="The switch.")
    name: str
    description: str
    enabled: bool
    kind: str
    rule: str
    key: str | None = None
    value: str | None = None
    severity: str
    every_seconds: float | None = None
    remind_every_seconds: float | None = None
    threshold: float | None = None
    percent: bool | None = None
    count: int | None = None
    topics: list[str] = Field(description="Where its breaches land.")


class PresetListItem(Answer):
    """A preset in a list."""

    name: str
    title: str
    description: str
    formats: list[str] = Field(description="Formats of sources that it is for.")


class PresetAnswer(PresetListItem):
    """A preset."""

    notes: list[str]
    roles: dict[str, str]
    topics: list[PresetTopicAnswer]
    monitors: list[PresetMonitorAnswer]


class PresetList(Answer):
    """All presets."""

    presets: list[PresetListItem]


class StepAnswer(Answer):
    """One thing that was made, changed, left or removed, or would be."""

    action: str = Field(description="create, update, keep or remove.")
    noun: str = Field(description="topic, subscription, template or monitor.")
    name: str
    id: str | None = Field(None, description="Missing for what would be made.")
    destination_id: str | None = None
    rules: list[str] | None = None
    enabled: bool | None = None


class AppliedAnswer(Answer):
    """What applying a preset did, or would do."""

    applied: bool
    steps: list[StepAnswer]


def wishes_of(given: PresetApply) -> Wishes:
    """What was said."""
    return Wishes(
        SourceId(given.source_id),
        roles=_targets(given.roles),
        events=given.events,
        own=_targets(given.own),
        reset=given.reset,
        notify_user={event: NotifyUser(mode) for event, mode in given.notify_user.items()},
        domains=given.domains,
        figures={switch: figure_fields(one) for switch, one in given.monitors.items()},
    )


def figure_fields(given: FiguresGiven) -> dict[str, object]:
    """What was given, as fields of a Monitor."""
    fields = given.changes(grace_seconds="grace", remind_every_seconds="remind_every")
    return fields | ({"schedule": schedule_of(given.schedule)} if given.schedule else {})


def _targets(given: Mapping[str, list[TargetGiven]]) -> Mapping[str, list[Target]]:
    return {
        name: [Target(DestinationId(one.destination_id), one.attributes, one.only) for one in targets]
        for name, targets in given.items()
    }


def preset_list_item(preset: Preset) -> PresetListItem:
    """A preset for a list."""
    return PresetListItem(
        name=preset.name, title=preset.title, description=preset.description, formats=list(preset.formats)
    )


def preset_answer(preset: Preset) -> PresetAnswer:
    """A preset whole."""
    return PresetAnswer(
        **preset_list_item(preset).model_dump(),
        notes=list(preset.notes),
        roles=dict(preset.roles),
        topics=[_topic(landing) for landing in preset.topics],
        monitors=[_monitor(preset, expected) for expected in preset.monitors],
    )


def _monitor(preset: Preset, expected: Expectation) -> PresetMonitorAnswer:
    measures = MonitorKind(expected.kind) in MEASURING
    return PresetMonitorAnswer(
        event=expected.event,
        name=expected.name,
        description=expected.description,
        enabled=expected.enabled,
        kind=expected.kind,
        rule=expected.rule,
        key=expected.key or None,
        value=expected.value or None,
        severity=expected.severity,
        every_seconds=expected.every_seconds or None,
        remind_every_seconds=expected.remind_every_seconds or None,
        threshold=expected.threshold if measures else None,
        percent=expected.percent if measures else None,
        count=expected.count if expected.kind == MonitorKind.FAILURES else None,
        topics=[landing.name for landing in preset.topics if expected.event in landing.monitors],
    )


def _topic(landing: Landing) -> PresetTopicAnswer:
    return PresetTopicAnswer(
        name=landing.name,
        description=landing.description,
        rules=list(landing.rules),
        enabled=landing.enabled,
        event=landing.event or None,
        tells_user=True if landing.direct else None,
        subscriptions=[{"role": one.role, "rule": one.rule} for one in landing.exits],
        policy=policy_answer(edited(UNSAID, landing.policy)),
    )


def applied_answer(plan: Plan, *, applied: bool) -> AppliedAnswer:
    """What was done, or would be."""
    return AppliedAnswer(applied=applied, steps=[_step(step, applied=applied) for step in plan.steps])


def _step(step: Step, *, applied: bool) -> StepAnswer:
    entity = step.entity
    shown = StepAnswer(
        action=step.action,
        noun=NOUNS[type(entity)],
        name=entity.name,
        id=entity.id if applied or step.action != "create" else None,
    )
    if isinstance(entity, Topic):
        shown.enabled = entity.enabled
        shown.rules = [rule.rule for feed in entity.sources for rule in feed.rules]
    elif isinstance(entity, Subscription):
        shown.destination_id = entity.destination_id
        shown.rules = [entity.rule] if entity.rule else None
    elif isinstance(entity, Monitor):
        shown.enabled = not entity.paused
        shown.rules = [entity.rule] if entity.rule else None
    return shown
