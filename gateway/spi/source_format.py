"""What a source format is: one file that reads a product's own payload and says what it means.

A format is pure: no input or output, no clock. It returns CloudEvents whose data is the payload as it
came, and a vocabulary beside each. It may also `refine` the meaning of plain CloudEvents of its product.
What most formats share is in `gateway.spi.foreign`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple

from cloudevents.core.base import BaseCloudEvent
from pydantic import BaseModel, ConfigDict

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


Parsed = Sequence[Decoded | BaseCloudEvent]
"""What a format returns. An event of the CloudEvents SDK gets its meaning as a plain CloudEvent does."""


class Credential(StrEnum):
    """How a product can prove who it is: a key as bearer token, a key in a header of its own, or nothing but
    its URL; none where it sends nothing and is asked."""

    KEY = "key"
    HEADER = "header"
    URL = "url"
    NONE = "none"


class FormatOptions(BaseModel):
    """What a source says to its format: none, unless the format has a model of its own."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SourceFormat(ABC):
    """A foreign payload. `schema` names its JSON Schema in `schemas/`; `refines` are type prefixes.

    `credential` is what the product can send, `header` where it sends a key if not as bearer token, and
    `snippet` its own configuration, ready to paste but for `$url` and `$key` (a dollar sign is `$$`).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    schema: ClassVar[str]
    refines: ClassVar[tuple[str, ...]] = ()
    credential: ClassVar[Credential] = Credential.KEY
    header: ClassVar[str] = ""
    snippet: ClassVar[str] = ""
    Options: ClassVar[type[FormatOptions]] = FormatOptions

    @abstractmethod
    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Parsed:
        """Read one request. Header names are lower case; `source` is None where the payload names it.

        Beside the headers stand `:method`, `:path`, `:query` and `:receipt` (`gateway.spi.foreign`), where
        there is a request. Raises Malformed or Invalid, nothing else.
        """

    def request_of(self, event: Event, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """A body and headers of which `parse` makes this event, whose data may have been changed since: what
        is masked, or corrected, is read anew. `headers` are those of its request, if they are known."""
        return event.data or b"", headers

    def refine(self, decoded: Decoded) -> Vocabulary:
        """Say more of a plain CloudEvent whose type begins with one of `refines`."""
        return decoded.vocabulary
