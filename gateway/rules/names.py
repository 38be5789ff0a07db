"""Bare names in rules: how each one is read from an event, and which ones the gateway knows.

CloudEvents attributes are bare: `type`, `source`, `id`, `subject`, `time` and every extension. The words of
the vocabulary come from the event's meaning and, where that says nothing, from an extension attribute of
the same name. `resource` is every spelling of the thing that was backed up; it equals a text if one
spelling does, and differs from it if none does.

Attributes are read as their canonical text, because in binary mode they carry no types (CloudEvents
HTTP binding 3.1.3): `sequence = 5` holds for the Integer 5 and for the String "5".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from operator import attrgetter
from typing import TypeAlias

from gateway.domain.event import canonical
from gateway.domain.view import MISSING, EventView
from gateway.rules.tree import Name, Rule, atoms

Reader: TypeAlias = Callable[[EventView], object]
"""The value of an operand in an event, or MISSING."""
WideReader: TypeAlias = Callable[[EventView], Sequence[object]]
"""All values of an operand in an event."""

CORE = frozenset({"specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype"})
"""The attributes that CloudEvents 1.0 defines."""

VOCABULARY = frozenset({"severity", "outcome", "title", "summary", "resource", "job", "actor", "task_id"})
"""The words of `gateway.domain.vocabulary` that rules read."""

EXTENSIONS = frozenset(
    {"traceparent", "tracestate", "dataref", "partitionkey", "sequence", "severitytext", "severitynumber"}
    | {"expirytime", "recordedtime", "sampledrate", "authtype", "authid", "authclaims"}
    | {"correlationid", "causationid", "dataclassification", "dataregulation", "datacategory"}
    | {"deprecated", "deprecationfrom", "deprecationsunset", "deprecationmigration"}
)
"""The documented extensions of CloudEvents (cloudevents/extensions)."""

_IBM_PREFIX = "ibmen"
_LONGEST_SUGGESTED = 40


def is_known(name: str) -> bool:
    """Whether the name means something to the gateway, beside being some extension attribute's."""
    return name in CORE or name in VOCABULARY or name in EXTENSIONS or name.startswith(_IBM_PREFIX)


def unknown_names(rule: Rule) -> tuple[str, ...]:
    """The bare names that only an unforeseen extension could give a value to, sorted: often typing errors."""
    names = {atom.operand.text for atom in atoms(rule) if isinstance(atom.operand, Name)}
    return tuple(sorted(name for name in names if not is_known(name)))


def suggest(word: str, words: frozenset[str] = CORE | VOCABULARY | EXTENSIONS) -> str | None:
    """The one of these words that was probably meant, or None."""
    if len(word) > _LONGEST_SUGGESTED:
        return None
    close = get_close_matches(word.lower(), sorted(words), n=1, cutoff=0.7)
    return close[0] if close else None


def read_name(name: str) -> Reader:
    """How a bare name other than `resource` is read: as text."""
    return _word(name) if name in VOCABULARY else _attribute(name)


def read_resource(view: EventView) -> tuple[object, ...]:
    """Every spelling of the resource, the attribute `resource` where the vocabulary has none."""
    resource, spellings = view.vocabulary.resource, view.vocabulary.resources
    if resource is not None:
        return spellings if resource in spellings else (resource, *spellings)
    if spellings:
        return spellings
    value = _resource_attribute(view)
    return () if value is MISSING else (value,)


def _attribute(name: str) -> Reader:
    def read(view: EventView) -> object:
        value: object = view.event.attributes.get(name, MISSING)
        if isinstance(value, str):
            return value
        # IBM's events may hold arrays and objects beside their attributes; those have no canonical text.
        return canonical(value) if isinstance(value, int) else MISSING

    return read


_resource_attribute = _attribute("resource")


def _word(name: str) -> Reader:
    of_vocabulary = attrgetter(f"vocabulary.{name}")
    of_event = _attribute(name)

    def read(view: EventView) -> object:
        value = of_vocabulary(view)
        return of_event(view) if value is None else value

    return read


def read_severity_word(view: EventView) -> object:
    """The severity as its word; for operators that treat it as text."""
    severity = view.vocabulary.severity
    return _severity_attribute(view) if severity is None else severity.word


_severity_attribute = _attribute("severity")
