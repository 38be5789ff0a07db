"""What applying a preset makes of its monitors, and how topics take what they tell.

A monitor is found by the source that it watches and by its name: `kymaros: regression`, and for a second
source, where that name is taken, `kymaros: regression (that source)`. What it looks at is put back as the
preset has it; its figures (when, how far, how often) and whether it is paused stay, unless they are said. A
monitor of the source whose name begins as the preset's do, and that the preset does not have, is removed. So
is one that measures something else, before another is made: what it remembers would mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.errors import Invalid, Problem
from gateway.domain.monitor import FAILED, MEASURING, SUCCEEDED, Monitor, MonitorKind
from gateway.domain.schedule import Schedule
from gateway.domain.severity import Severity
from gateway.domain.source import Instance, Source
from gateway.pipeline.snapshot import Snapshot
from gateway.service.announcing import TYPE
from gateway.service.monitors import Monitors
from gateway.service.preset_plan import Plan, Step, Wishes, unknown_members
from gateway.service.sources import find_source
from schemas.presets import Expectation, Landing, Preset

SETTLED = frozenset({"kind", "key", "value"})
"""What a monitor keeps for good."""
NAME_LENGTH = 255
FIGURES: Mapping[str, frozenset[MonitorKind]] = {
    "schedule": frozenset({MonitorKind.SILENCE}),
    "grace": frozenset({MonitorKind.SILENCE}),
    "retire_after": frozenset({MonitorKind.SILENCE}),
    "count": frozenset({MonitorKind.FAILURES}),
    "threshold": MEASURING,
    "remind_every": frozenset(MonitorKind),
}
"""What may be said of a monitor, by the kinds that go by it."""
WORDS = {"grace": "grace_seconds", "remind_every": "remind_every_seconds"}
"""What the API calls them."""


def breach_rules(preset: Preset, landing: Landing) -> Sequence[str]:
    """The rules by which a topic takes what the preset's monitors tell, of whichever source."""
    names = [preset.expectations[switch].name for switch in landing.monitors]
    return [f'type starts-with {TYPE} and data.monitor starts-with "{name}"' for name in names]


def figure_problems(preset: Preset, figures: Mapping[str, Mapping[str, object]]) -> Sequence[Problem]:
    """Figures of monitors that the preset does not have, or that theirs do not go by."""
    problems = unknown_members("/monitors", figures, preset.expectations)
    for switch, fields in figures.items():
        if (expected := preset.expectations.get(switch)) is not None:
            kind = MonitorKind(expected.kind)
            known = [name for name, kinds in FIGURES.items() if kind in kinds]
            given = [WORDS.get(name, name) for name in fields]
            problems += unknown_members(f"/monitors/{switch}", given, [WORDS.get(one, one) for one in known])
    return problems


class MonitorPlanner:
    """Adds the monitors of a preset to a plan."""

    def __init__(
        self, plan: Plan, instance: Instance, preset: Preset, wishes: Wishes, monitors: Monitors
    ) -> None:
        self._plan, self._instance, self._wishes, self._monitors = plan, instance, wishes, monitors
        self._preset = preset
        self._source = find_source(plan.snapshot, instance, wishes.source_id)

    def plan(self) -> None:
        """Raises what saving monitors raises."""
        before = _of_preset(self._plan.snapshot, self._preset, self._source)
        for expected in self._preset.monitors:
            known = _known(before, expected)
            if known is not None:
                before.remove(known)
            self._put(expected, known)
        for stray in before:
            self._remove(stray)

    def _put(self, expected: Expectation, known: Monitor | None) -> None:
        wanted = _looked_at(expected, self._source)
        if known is not None and any(getattr(known, name) != wanted[name] for name in SETTLED):
            self._remove(known)
            known = None
        if known is None:
            wanted |= {"name": self._free_name(expected), **_figures(expected)}
        wanted |= self._wishes.figures.get(expected.event, {})
        if expected.event in self._wishes.events:
            wanted["paused"] = not self._wishes.events[expected.event]
        if known is not None and all(getattr(known, name) == value for name, value in wanted.items()):
            self._plan.steps.append(Step("keep", known))
            return
        made = self._proposed(expected, known, wanted)
        self._plan.steps.append(Step("update" if known else "create", made))
        rows = {**self._plan.snapshot.monitors, made.id: made}
        self._plan.snapshot = replace(self._plan.snapshot, monitors=rows)

    def _proposed(
        self, expected: Expectation, known: Monitor | None, wanted: Mapping[str, object]
    ) -> Monitor:
        monitor_id = known.id if known else None
        try:
            return self._monitors.proposed(self._plan.snapshot, self._instance, monitor_id, wanted)
        except Invalid as error:  # only what was said can be wrong, and it stands deeper in what was given
            place = f"/monitors/{expected.event}"
            raise Invalid.of([replace(one, pointer=place + one.pointer) for one in error.problems]) from error

    def _remove(self, monitor: Monitor) -> None:
        self._plan.steps.append(Step("remove", monitor))
        rest = {id_: one for id_, one in self._plan.snapshot.monitors.items() if id_ != monitor.id}
        self._plan.snapshot = replace(self._plan.snapshot, monitors=rest)

    def _free_name(self, expected: Expectation) -> str:
        rows = self._plan.snapshot.monitors.values()
        taken = {one.name for one in rows if one.instance_id == self._instance.id}
        by_source = [f"{expected.name} ({one})" for one in (self._source.name, self._source.id)]
        names = [name for name in (expected.name, *by_source) if len(name) <= NAME_LENGTH]
        return next((name for name in names if name not in taken), names[-1])


def _of_preset(snapshot: Snapshot, preset: Preset, source: Source) -> list[Monitor]:
    """Monitors that this preset made for this source, oldest first."""
    found = [
        one
        for one in snapshot.monitors.values()
        if one.source_id == source.id and one.name.startswith(f"{preset.name}: ")
    ]
    return sorted(found, key=lambda one: (one.created_at, one.id))


def _known(before: Sequence[Monitor], expected: Expectation) -> Monitor | None:
    named = expected.name, f"{expected.name} ("
    return next((one for one in before if one.name == named[0] or one.name.startswith(named[1])), None)


def _looked_at(expected: Expectation, source: Source) -> dict[str, object]:
    """What is put back whenever the preset is applied."""
    return {
        "description": expected.description,
        "kind": MonitorKind(expected.kind),
        "rule": expected.rule,
        "source_id": source.id,
        "key": expected.key,
        "value": expected.value,
        "unless": expected.unless,
        "failure": expected.failure or FAILED,
        "success": expected.success or SUCCEEDED,
        "percent": expected.percent,
        "settles": expected.settles,
    }


def _figures(expected: Expectation) -> dict[str, object]:
    """What a new monitor begins with, and keeps as it is changed."""
    return {
        "severity": Severity[expected.severity.upper()],
        "schedule": Schedule(every=expected.every_seconds),
        "grace": expected.grace_seconds,
        "remind_every": expected.remind_every_seconds,
        "retire_after": expected.retire_after,
        "threshold": expected.threshold,
        "count": expected.count,
        "paused": not expected.enabled,
    }
