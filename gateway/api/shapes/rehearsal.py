"""Bodies of trying a payload at a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from orjson import Fragment
from pydantic import Field

from gateway.api.shapes.base import Answer, StrictGiven
from gateway.api.shapes.records import ProblemAnswer, problem_answer, vocabulary_answer
from gateway.api.shapes.sources import MaskedPlace
from gateway.domain.secrecy import secret_looking
from gateway.domain.source import Instance, Source
from gateway.pipeline.mask import MAX_PLACES, check_places
from gateway.pipeline.receive import Envelope
from gateway.service.rehearsal import Rehearsed
from gateway.spi.cloudevents.encode import structured


class SourceTry(StrictGiven):
    """A request as the sender would make it, and with what the source would be changed before."""

    payload: str | dict[str, Any] | list[Any] = Field(description="The body: its text, or the JSON itself.")
    headers: dict[str, str] = Field({}, max_length=100, description="Headers that matter to the format.")
    tail: str = Field("", max_length=100, description="What would follow its URL, as `fail`.")
    format: str | None = Field(None, description="In place of the source's format.")
    format_options: dict[str, Any] | None = Field(None, description="In place of the source's options.")
    mask: list[MaskedPlace] | None = Field(
        None, max_length=MAX_PLACES, description="In place of what the source masks."
    )


class TriedEvent(Answer):
    """One event as it would be."""

    cloudevent: dict[str, Any]
    vocabulary: dict[str, Any]
    problems: list[ProblemAnswer] | None = Field(None, description="Why it would be quarantined.")
    flags: list[ProblemAnswer] | None = Field(None, description="What would be shown beside it.")
    topics: list[str] = Field(description="The topics that would take it.")
    secret_looking: list[str] | None = Field(
        None, description="Where secrets seem to stand in its data, as `mask` takes it."
    )


class TryAnswer(Answer):
    """What the payload would become."""

    events: list[TriedEvent]


def as_tried(source: Source, given: SourceTry) -> Source:
    """The source as it would be. Raises Invalid for places that are none."""
    if given.format is not None:
        source = replace(source, format=given.format)
    if given.mask is not None:
        check_places(given.mask)
        source = replace(source, mask=tuple(given.mask))
    return replace(source, options=given.format_options) if given.format_options is not None else source


def tried_envelope(given: SourceTry, instance: Instance, now: float) -> Envelope:
    """The request as it would arrive."""
    body = given.payload.encode() if isinstance(given.payload, str) else orjson.dumps(given.payload)
    headers = [
        (name.encode("latin-1", "replace"), text.encode("latin-1", "replace"))
        for name, text in given.headers.items()
    ]
    return Envelope(instance.id, headers, body, "", now, tail=given.tail)


def tried_answer(found: Sequence[Rehearsed]) -> Mapping[str, Any]:
    """The members of TryAnswer; the data stays the bytes that were given."""
    return {
        "events": [
            {
                "cloudevent": Fragment(structured(one.decoded.event)),
                "vocabulary": vocabulary_answer(one.decoded.vocabulary),
                "problems": [problem_answer(problem).model_dump() for problem in one.problems] or None,
                "flags": [problem_answer(problem).model_dump() for problem in one.flags] or None,
                "topics": [topic.name for topic in one.topics],
                "secret_looking": secret_looking(one.decoded.payload) or None,
            }
            for one in found
        ]
    }
