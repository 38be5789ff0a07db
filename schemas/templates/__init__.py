"""Presets: templates that write what people of other products are used to, as data.

Each file but `sample-event.json` is one: `title`, `description`, the `source` it is printed in, the
`type` of template in IBM's words (`<kind of destination>.notification`), and its `parts`, each a list of
lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas import load, names

ROOM = "templates/"
SAMPLE = ROOM + "sample-event"


@dataclass(frozen=True, slots=True)
class Preset:
    """A template to begin with. `name` is the file's, and never changes; `parts` are texts by name."""

    name: str
    title: str
    description: str
    source: str
    type: str
    parts: Mapping[str, str]


@cache
def presets() -> Mapping[str, Preset]:
    """All of them by name, in alphabetical order."""
    found = [name for name in names() if name.startswith(ROOM) and name != SAMPLE]
    return {name.removeprefix(ROOM): _preset(name.removeprefix(ROOM), load(name)) for name in found}


def sample_event() -> Mapping[str, Any]:
    """The CloudEvent that a template is tried on when no other is named: Ironcore's sample of a failure."""
    return load(SAMPLE)


def _preset(name: str, whole: Mapping[str, Any]) -> Preset:
    parts = {part: "\n".join(lines) for part, lines in whole["parts"].items()}
    return Preset(name, whole["title"], whole["description"], whole["source"], whole["type"], parts)
