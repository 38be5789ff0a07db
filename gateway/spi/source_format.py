"""What a source format is: one file that reads a product's own payload and says what it means.

A format is pure: no input or output, no clock. It returns CloudEvents whose data is the payload as it
came, and a vocabulary beside each. It may also `refine` the meaning of plain CloudEvents of its product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from gateway.domain.event import Event
from gateway.domain.source import Source
from gateway.domain.view import EventView, Json, Missing
from gateway.domain.vocabulary import Vocabulary


class Decoded(NamedTuple):
    """One event with its meaning. `payload` is its JSON data parsed, MISSING where there is none."""

    event: Event
    vocabulary: Vocabulary
    payload: Json | Missing

    @property
    def view(self) -> EventView:
        """The event as rules and schemas read it."""
        return EventView(self.event, self.vocabulary, self.payload)


class SourceFormat(ABC):
    """A foreign payload. `schema` names its JSON Schema in `schemas/`; `refines` are type prefixes."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    schema: ClassVar[str]
    refines: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """Read one request. Header names are lower case; `source` is None where the payload names it.

        Raises Malformed or Invalid, nothing else.
        """

    def refine(self, decoded: Decoded) -> Vocabulary:
        """Say more of a plain CloudEvent whose type begins with one of `refines`."""
        return decoded.vocabulary
