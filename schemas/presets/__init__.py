"""Presets: topics, rules, subscriptions and monitors as a product's own pages arrange them, as data.

Each file is one. `roles` say who can be told, `topics` which events land where and which role hears of
them, by a rule of its own. A topic with an `event` can be switched on and off, or be given destinations of
its own; one with a `direct` can tell the user whom the event is about, at the address in its data. `monitors`
are what is expected of the product's events; what they tell lands in the topics that name their switch. The
shape of a file is `schemas/preset.json`. Templates that ship are another thing: `schemas.templates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from schemas import load, names

ROOM = "presets/"


@dataclass(frozen=True, slots=True)
class Exit:
    """Which role hears of a topic's events, by which rule ('' for all), and what of its noise policy is its
    own."""

    role: str
    rule: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Direct:
    """The user's own mail: where in the data the address stands, and its wording."""

    pointer: str
    subject: str
    body: str
    text: str


@dataclass(frozen=True, slots=True)
class Landing:
    """A topic to be. `rules` are alternatives; `event` is the switch that it has, '' for none; `monitors` are
    the switches of those whose breaches land here too; `policy` is its noise policy, as the API takes it."""

    name: str
    description: str
    rules: Sequence[str]
    exits: Sequence[Exit]
    event: str = ""
    enabled: bool = True
    direct: Direct | None = None
    monitors: Sequence[str] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A monitor to be, with the members that the API has for it; `event` is its switch.

    Its name begins with that of the preset: `kymaros: regression`.
    """

    event: str
    name: str
    description: str
    kind: str
    rule: str
    enabled: bool = True
    key: str = ""
    value: str = ""
    unless: str = ""
    failure: str = ""
    success: str = ""
    severity: str = "error"
    percent: bool = False
    settles: bool = False
    every_seconds: float = 0.0
    grace_seconds: float = 0.0
    remind_every_seconds: float = 0.0
    retire_after: int = 0
    threshold: float = 0.0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Preset:
    """What a product needs to be told of. `name` is the file's, and never changes; `roles` by name."""

    name: str
    title: str
    description: str
    formats: Sequence[str]
    notes: Sequence[str]
    roles: Mapping[str, str]
    topics: Sequence[Landing]
    monitors: Sequence[Expectation] = ()

    @property
    def events(self) -> Mapping[str, Landing]:
        """The topics that can be switched, by their switch."""
        return {topic.event: topic for topic in self.topics if topic.event}

    @property
    def expectations(self) -> Mapping[str, Expectation]:
        """The monitors by their switch."""
        return {one.event: one for one in self.monitors}


@cache
def presets() -> Mapping[str, Preset]:
    """All of them by name, in alphabetical order."""
    found = [name.removeprefix(ROOM) for name in names() if name.startswith(ROOM)]
    return {name: _preset(name, load(ROOM + name)) for name in found}


def _preset(name: str, whole: Mapping[str, Any]) -> Preset:
    topics = [_landing(topic) for topic in whole["topics"]]
    monitors = [Expectation(**one) for one in whole.get("monitors", ())]
    return Preset(name, **{**whole, "topics": topics, "monitors": monitors})


def _landing(topic: Mapping[str, Any]) -> Landing:
    exits = [Exit(**one) for one in topic["subscriptions"]]
    direct = Direct(**topic["direct"]) if "direct" in topic else None
    rest = {name: value for name, value in topic.items() if name not in ("subscriptions", "direct")}
    return Landing(exits=exits, direct=direct, **rest)
