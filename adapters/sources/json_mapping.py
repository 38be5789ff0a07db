"""Any JSON: what it means is said by the source's own options, as JSON pointers into the payload (RFC 6901).

Each word is a pointer, or an object: `pointer` with a `map` from what is found there to what it means, or a
`value` that is always the same. A list of these takes the first that finds something. What is mapped to
nothing is left out; only a type has to be found. Without a mapping the words are looked for by their own
names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.errors import Malformed
from gateway.domain.severity import from_ibm, from_word
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.domain.vocabulary import Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, block, outcome_of_type, outcome_of_word, spellings
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, FormatOptions, SourceFormat

MAX_POINTER = 500
MAX_PLACES = 20


class Place(BaseModel):
    """Where a word comes from: a pointer with the meanings of what is found there, or a fixed value."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pointer: str | None = Field(None, max_length=MAX_POINTER, pattern=r"^(/.*)?$")
    map: dict[str, str] | None = Field(None, max_length=100)
    value: str | None = Field(None, max_length=1000)


Pointer = Annotated[str, Field(max_length=MAX_POINTER, pattern=r"^(/.*)?$")]
Places = Pointer | Place | Annotated[list[Pointer | Place], Field(max_length=MAX_PLACES)]


class MappingOptions(FormatOptions):
    """Where each word of an event stands in the payload: a JSON pointer, an object or a list of these."""

    type: Places | None = Field(None, title="Type", description="Type of the event; it has to be found.")
    id: Places | None = Field(None, title="Id", description="What a repeat has in common with the first.")
    time: Places | None = Field(
        None, title="Time", description="When it happened: RFC 3339, or seconds since the epoch."
    )
    subject: Places | None = Field(None, title="Subject", description="What it is about.")
    severity: Places | None = Field(None, title="Severity", description="How bad it is, in any common scale.")
    outcome: Places | None = Field(None, title="Outcome", description="How it ended.")
    title: Places | None = Field(None, title="Title", description="One line for people.")
    summary: Places | None = Field(None, title="Summary", description="Lines for people.")
    resource: Places | None = Field(None, title="Resource", description="What was backed up.")
    job: Places | None = Field(None, title="Job", description="The job that ran.")
    actor: Places | None = Field(None, title="Actor", description="Who did it.")
    task_id: Places | None = Field(None, title="Task", description="Id of the run.")


_BY_NAME = {name: f"/{name}" for name in MappingOptions.model_fields}


class JsonMapping(SourceFormat):
    """Generic JSON."""

    name = "json"
    title = "Generic JSON"
    summary = "Any JSON object, by a mapping of its members in the source's options."
    schema = "sources/json"
    credential = Credential.KEY
    Options = MappingOptions
    snippet = """\
curl -fsS $url -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' -d @payload.json"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for what is no object, or has no type where the mapping looks."""
        sent = foreign.read_object(body)
        data, members = sent
        options = (source.options if source else {}) or _BY_NAME
        found = {name: _found(members, options.get(name)) for name in _BY_NAME}
        kind = foreign.text(found, "type")
        if kind is None:
            raise Malformed(
                "type_not_found",
                "the payload has no type where the mapping looks for it",
                expected="a text there, or a `value` at the end of the list of places",
            )
        told = foreign.moment(found["time"])
        occurrence = "" if told else headers.get(foreign.RECEIPT, "")
        words = _words(kind, found)
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=foreign.attribute(kind, foreign.MAX_TYPE),
            id=foreign.text(found, "id") or foreign.digest(data, occurrence),
            words=words,
            time=told,
            subject=foreign.text(found, "subject"),
        )
        return (made,)


def _words(kind: str, found: Members) -> Vocabulary:
    outcome = outcome_of_word(found["outcome"]) or outcome_of_type(kind)
    word = foreign.text(found, "severity") or ""
    title, resource = foreign.text(found, "title"), foreign.text(found, "resource")
    return Vocabulary(
        severity=from_word(word) or from_ibm(word) or (foreign.SEVERITIES[outcome] if outcome else None),
        outcome=outcome,
        title=foreign.attribute(title, MAX_TITLE) if title else None,
        summary=_summary(found["summary"]),
        resource=resource,
        resources=spellings(resource) if resource else (),
        job=foreign.text(found, "job"),
        actor=foreign.text(found, "actor"),
        task_id=foreign.text(found, "task_id"),
    )


def _summary(value: Json) -> str | None:
    if value is None:
        return None
    return block(value if isinstance(value, str) else orjson.dumps(value).decode()) or None


def _found(members: Members, places: object) -> Json:
    """What stands at the first of the places where something does."""
    for place in places[:MAX_PLACES] if isinstance(places, list) else [places]:
        value = _at(dict(members), place)
        if value not in (None, ""):
            return value
    return None


def _at(payload: Json, place: object) -> Json:
    if isinstance(place, str):
        return foreign.pointed(payload, place)
    if not isinstance(place, Mapping):
        return None
    if isinstance(fixed := place.get("value"), str):
        return fixed
    value = foreign.pointed(payload, str(place.get("pointer") or ""))
    meanings = place.get("map")
    if not isinstance(meanings, Mapping) or value is None:
        return value
    word = value if isinstance(value, str) else orjson.dumps(value).decode()
    meant = meanings.get(word, meanings.get("*"))
    return meant if isinstance(meant, str) else None
