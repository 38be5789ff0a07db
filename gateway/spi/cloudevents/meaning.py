"""What a plain CloudEvent means: its attributes and its data in the canonical vocabulary.

Every word has an order of sources, and the first that is not empty wins: the extension of that name,
then the extensions that the field has for it, then the member of that name in JSON data.

    severity   severity, severitytext, severitynumber, ibmenseverity, data.severity
    outcome    outcome, data.outcome, the word that `type` ends in
    title      title, ibmensubject, ibmendefaultshort, data.title, data.subject
    summary    summary, ibmendefaultlong, data.summary
    resource   resource, data.resource
    job        job, data.job
    actor      actor, authid, data.actor
    task_id    taskid, data.task_id
    links      taskurl or data.task_url, moreinfo or data.more_info, data.links

What no source says stays None, and nothing is guessed: `subject` is no resource but read as `subject`,
and a failure without a severity has none. Members of data count only if they are strings; attributes
that are integers or booleans count as text, which they are in binary mode. All text is bounded and freed
of control characters. What a product's own events mean beyond this is said by its source format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from gateway.domain.event import AttributeValue, Event, canonical
from gateway.domain.severity import Severity, from_ibm, from_number
from gateway.domain.view import Json, Missing
from gateway.domain.vocabulary import Outcome, Vocabulary

MAX_TITLE = 500
MAX_SUMMARY = 8 * 1024
MAX_NAME = 1024
"""Characters of a resource, a job, an actor and a task."""
MAX_LABEL = 100
MAX_LINKS = 20

CUT = "[...]"
"""What ends a title or a summary that was cut, as IBM's cut texts end."""

Read = Callable[[str], object]
_NO_MEMBERS: dict[str, object] = {}

_OUTCOMES: dict[str, Outcome] = {outcome.value: outcome for outcome in Outcome} | {
    "success": Outcome.OK,
    "succeeded": Outcome.OK,
    "successful": Outcome.OK,
    "complete": Outcome.OK,
    "completed": Outcome.OK,
    "finished": Outcome.OK,
    "passed": Outcome.OK,
    "pass": Outcome.OK,
    "fail": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "error": Outcome.FAILED,
    "corrupted": Outcome.CORRUPT,
    "start": Outcome.STARTED,
    "warn": Outcome.WARNING,
}
_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+").findall
_VERSION = re.compile(r"[._:/-]?v?[0-9][0-9._-]*\Z", re.IGNORECASE)

# Surrogates, and characters that reorder the text around them.
_DECEITFUL = "\ud800-\udfff\u202a-\u202e\u2066-\u2069"
_NOT_IN_LINES = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_DECEITFUL}]+")
_NOT_IN_BLOCKS = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{_DECEITFUL}]+")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

_web_address = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f]{1,2000}", re.IGNORECASE).fullmatch
_in_datastore = re.compile(r"([^:/\\\s]+):([^:/\\\s]+(?:/[^:/\\\s]+){2,})").fullmatch
_is_small_number = re.compile(r"[0-9]{1,3}").fullmatch


def meaning(event: Event, payload: Json | Missing) -> Vocabulary:
    """The vocabulary of an event whose parsed data is `payload`. Never fails, whatever they hold."""
    extension: Read = _as_text(event.attributes).get
    member: Read = payload.get if isinstance(payload, dict) else _NO_MEMBERS.get
    resource = _line(extension("resource") or member("resource"))
    return Vocabulary(
        _severity(extension, member),
        outcome_of_word(extension("outcome") or member("outcome")) or outcome_of_type(event.type),
        _title(extension, member),
        _block(extension("summary") or extension("ibmendefaultlong") or member("summary")),
        resource,
        spellings(resource) if resource else (),
        _line(extension("job") or member("job")),
        _line(extension("actor") or extension("authid") or member("actor")),
        _line(extension("taskid") or member("task_id")),
        _links(extension, member),
    )


def line(text: str, limit: int = MAX_NAME, mark: str = "") -> str:
    """One line of at most `limit` characters, without control characters; `mark` ends what was cut."""
    if not text.isprintable():
        text = _NOT_IN_LINES.sub(" ", text[: 2 * limit])
    return _cut(text.strip(), limit, mark)


def block(text: str, limit: int = MAX_SUMMARY) -> str:
    """Lines of text ended by line feeds, at most `limit` characters, without other control characters."""
    if not text.isprintable():
        text = _NOT_IN_BLOCKS.sub("", _LINE_ENDS.sub("\n", text[: 2 * limit]))
    return _cut(text.strip(), limit, CUT)


def web_address(value: object) -> str | None:
    """An http or https URL in one piece, of about 2,000 characters at most; None for anything else."""
    return value if isinstance(value, str) and _web_address(value) else None


@lru_cache(maxsize=1024)
def spellings(resource: str) -> tuple[str, ...]:
    """All spellings of a resource that a rule may name (Ironcore writes both), the one that was sent first.

    `<server>:<namespace>/<kind>/<id>` is also `/datastore/<server>/<namespace>/<kind>/<id>`.
    """
    parts = _in_datastore(resource)
    return (resource, f"/datastore/{parts[1]}/{parts[2]}") if parts else (resource,)


@lru_cache(maxsize=1024)
def outcome_of_type(event_type: str) -> Outcome | None:
    """The outcome that a type ends in, not counting a version: of `backup.failed.v1`, `sync:failed`."""
    name, _, subtype = event_type[-MAX_NAME:].partition(":")
    for text in (name, subtype):
        words = _words(_VERSION.sub("", text))
        if words and (outcome := _OUTCOMES.get(words[-1].lower())):
            return outcome
    return None


def _as_text(attributes: Mapping[str, AttributeValue]) -> Mapping[str, object]:
    for value in attributes.values():
        if type(value) is not str:
            return {name: canonical(value) for name, value in attributes.items()}
    return attributes


def _severity(extension: Read, member: Read) -> Severity | None:
    """The first of the sources whose word or number is one of a known scale."""
    return (
        (_severity_word(word) if (word := extension("severity")) else None)
        or (_severity_word(word) if (word := extension("severitytext")) else None)
        or (_severity_number(number) if (number := extension("severitynumber")) else None)
        or (_severity_word(word) if (word := extension("ibmenseverity")) else None)
        or (_severity_word(word) if (word := member("severity")) else None)
    )


def _severity_word(word: object) -> Severity | None:
    return _severity_text(word) if isinstance(word, str) and len(word) <= MAX_LABEL else None


@lru_cache(maxsize=256)
def _severity_text(word: str) -> Severity | None:
    """A word of any scale: no two contradict each other. OpenTelemetry numbers some of its own: `ERROR2`."""
    return from_ibm(word) or from_ibm(word.rstrip("1234"))


def _severity_number(number: object) -> Severity | None:
    return from_number(int(number)) if isinstance(number, str) and _is_small_number(number) else None


def outcome_of_word(word: object) -> Outcome | None:
    """The outcome that a word of any common scale tells; None for any other value."""
    return _OUTCOMES.get(word.strip().lower()) if isinstance(word, str) else None


def _title(extension: Read, member: Read) -> str | None:
    title = (
        extension("title")
        or extension("ibmensubject")
        or extension("ibmendefaultshort")
        or member("title")
        or member("subject")
    )
    return line(title, MAX_TITLE, CUT) or None if isinstance(title, str) else None


def _block(text: object) -> str | None:
    return block(text) or None if isinstance(text, str) else None


def _line(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    if len(text) <= MAX_NAME and text.isprintable():
        return text.strip() or None
    return line(text) or None


def _links(extension: Read, member: Read) -> dict[str, str]:
    task = extension("taskurl") or member("task_url")
    more = extension("moreinfo") or member("more_info")
    others = member("links")
    if not (task or more or others):
        return {}
    links: dict[str, str] = {}
    for label, url in (("Task", task), ("More information", more), *_labelled(others)):
        if web_address(url):
            links.setdefault(label, str(url))
    return links


def _labelled(links: object) -> Iterator[tuple[str, object]]:
    """The members of an object of links, labelled for people: `task_log` is the "Task log"."""
    if isinstance(links, dict):
        for name, url in islice(links.items(), MAX_LINKS):
            yield _label(name), url


@lru_cache(maxsize=256)
def _label(name: str) -> str:
    words = line(name[:MAX_LABEL].replace("_", " ").replace("-", " "))
    return words[:1].upper() + words[1:] or "Link"


def _cut(text: str, limit: int, mark: str) -> str:
    return text if len(text) <= limit else text[: limit - len(mark)].rstrip() + mark
