"""What is wished of a preset, and the plan that comes of it: values, and what the registry is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.destination import Subscription
from gateway.domain.errors import Problem
from gateway.domain.ids import DestinationId, MonitorId, SourceId
from gateway.domain.monitor import Monitor
from gateway.domain.template import Template
from gateway.domain.topic import Topic
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Change, Effect, Put, Remove


class NotifyUser(StrEnum):
    """Whether the user whom an event is about is told, beside the others or in their place (DBackup)."""

    NONE = "none"
    ALSO = "also"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a role's messages go: a destination, the address there (None: as it was), a rule of its own."""

    destination_id: DestinationId
    address: Mapping[str, object] | None = None
    only: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is said when a preset is applied; what is not said stays as it is, or as the preset has it.

    `events` switches topics and monitors, `own` gives topics destinations of their own, `reset` takes those
    away. `figures` are fields of monitors by their switch: when, how far, how often.
    """

    source_id: SourceId
    roles: Mapping[str, Sequence[Target]] = field(default_factory=dict)
    events: Mapping[str, bool] = field(default_factory=dict)
    own: Mapping[str, Sequence[Target]] = field(default_factory=dict)
    reset: Sequence[str] = ()
    notify_user: Mapping[str, NotifyUser] = field(default_factory=dict)
    domains: Sequence[str] = ()
    figures: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is made (`create`), changed (`update`), left (`keep`) or removed (`remove`)."""

    action: str
    entity: Topic | Subscription | Template | Monitor


@dataclass
class Plan:
    """Steps, what they mean for deliveries under way, and the configuration as it is after them."""

    snapshot: Snapshot
    steps: list[Step] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    @property
    def changes(self) -> Sequence[Change]:
        """What the registry is asked for."""
        made: list[Change] = []
        for step in self.steps:
            if step.action == "remove":
                made.append(Remove(step.entity))
            elif step.action != "keep":
                named = isinstance(step.entity, Subscription | Monitor)
                made.append(Put(step.entity, (f"name:{step.entity.name}",) if named else ()))
        return made

    @property
    def gone(self) -> Sequence[MonitorId]:
        """Monitors that are removed, whose memories nobody needs any more."""
        removed = [step.entity for step in self.steps if step.action == "remove"]
        return [one.id for one in removed if isinstance(one, Monitor)]


def unknown_members(
    pointer: str, given: Sequence[str] | Mapping[str, object], known: Sequence[str] | Mapping[str, object]
) -> list[Problem]:
    """What was wished of what a preset does not have."""
    expected = f"one of {', '.join(known)}" if known else "nothing: this preset has none"
    return [
        Problem("preset_member_unknown", f"the preset has no {name[:100]!r} here", pointer, expected)
        for name in given
        if name not in known
    ]
