"""An event as rules and templates read it: attributes, vocabulary, and its data parsed once."""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.event import Event
from gateway.domain.vocabulary import Vocabulary

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Missing:
    """The type of MISSING: data that is absent, not JSON, or not there at a path. Never equal to null."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class EventView(NamedTuple):
    """What a predicate gets to see. `payload` is the parsed JSON data, MISSING unless data is JSON."""

    event: Event
    vocabulary: Vocabulary
    payload: Json | Missing = MISSING
