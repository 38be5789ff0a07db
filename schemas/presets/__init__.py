"""Presets: topics, rules and subscriptions as a product's own pages arrange them, as data.

Each file is one. `roles` say who can be told, `topics` which events land where and which role hears of
them, by a rule of its own. A topic with an `event` can be switched on and off, or be given destinations of
its own; one with a `direct` can tell the user whom the event is about, at the address in its data. Templates
that ship are another thing: `schemas.templates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas import load, names

ROOM = "presets/"


@dataclass(frozen=True, slots=True)
class Exit:
    """Which role hears of a topic's events, by which rule ('' for all)."""

    role: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Direct:
    """The user's own mail: where in the data the address stands, and its wording."""

    pointer: str
    subject: str
    body: str
    text: str


@dataclass(frozen=True, slots=True)
class Landing:
    """A topic to be. `rules` are alternatives; `event` is the switch that it has, '' for none."""

    name: str
    description: str
    rules: Sequence[str]
    exits: Sequence[Exit]
    event: str = ""
    enabled: bool = True
    direct: Direct | None = None


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

    @property
    def events(self) -> Mapping[str, Landing]:
        """The topics that can be switched, by their switch."""
        return {topic.event: topic for topic in self.topics if topic.event}


@cache
def presets() -> Mapping[str, Preset]:
    """All of them by name, in alphabetical order."""
    found = [name.removeprefix(ROOM) for name in names() if name.startswith(ROOM)]
    return {name: _preset(name, load(ROOM + name)) for name in found}


def _preset(name: str, whole: Mapping[str, Any]) -> Preset:
    topics = [_landing(topic) for topic in whole["topics"]]
    return Preset(name, **{**whole, "topics": topics})


def _landing(topic: Mapping[str, Any]) -> Landing:
    exits = [Exit(**one) for one in topic["subscriptions"]]
    direct = Direct(**topic["direct"]) if "direct" in topic else None
    rest = {name: value for name, value in topic.items() if name not in ("subscriptions", "direct")}
    return Landing(exits=exits, direct=direct, **rest)
