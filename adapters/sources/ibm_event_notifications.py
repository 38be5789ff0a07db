"""Notifications of IBM Cloud Event Notifications, and what those of IBM Cloud Backup for VPC mean.

A notification (NotificationCreate, https://cloud.ibm.com/apidocs/event-notifications) is nearly a CloudEvent,
as JSON of any media type or in binary mode. One that is a CloudEvent comes through unchanged. Where it is
not, because it has `attachments`, `personalization`, names such as `message_subject`, texts with line breaks
or a time in another format, `gateway.spi.cloudevents.lenient` says what becomes of it; nothing is lost.

IBM Cloud Backup for VPC (https://cloud.ibm.com/docs/vpc?topic=vpc-event-notifications-events) only reports
failures, so they are at least errors, though it calls them `medium`. The details stand in `data`, or in
`ibmendefaultlong` as JSON that need not be valid. Codes of reasons are an open list, spelled in several ways:
unknown ones are marked as such, never refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.domain.errors import Malformed
from gateway.domain.event import Event
from gateway.domain.members import CARRIER, as_sent
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.view import Json, Missing
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.cloudevents import lenient
from gateway.spi.cloudevents.encode import structured
from gateway.spi.cloudevents.meaning import block, line, meaning, spellings, web_address
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Decoded, SourceFormat
from schemas.reasons import normalise, reason

MAX_REASONS = 10
MAX_DETAILS = 64 * 1024
"""Characters of `ibmendefaultlong` in which details are looked for."""

MORE = "More information"
UNKNOWN = "unknown reason code"
"""What a code that is not in the table of reasons is marked with."""

_BINARY = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_DETAILS = ("backup_policy", "backup_policy_job", "more_info", "reasons", "resource", "status_reason")
_pairs = re.compile(
    rf'"(status|{"|".join(_DETAILS)})"\s*+:\s*+(?:"((?:[^"\\]++|\\.)*+)"|([^\s",:{{}}\[\]]++))', re.DOTALL
).finditer
_is_code = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}").fullmatch
_job = re.compile(r"backup-([a-z]{1,20})-([a-z]{1,20})").search


class IbmEventNotifications(SourceFormat):
    """IBM's notifications. `ibmensourceid`, the id of the registered source, is an attribute of the event."""

    name = "ibm-event-notifications"
    title = "IBM Cloud Event Notifications"
    summary = "Notifications as IBM Cloud services and IBM's SDKs send them."
    schema = "sources/ibm-event-notifications"
    refines = ("com.ibm.cloud.is.backup-policy.",)

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """Read one notification, in binary mode if a required attribute is a header. Raises Malformed."""
        if any(name in headers for name in _BINARY):
            event = lenient.from_headers(headers, body)
        else:
            event = lenient.from_json(body)
        if not event.text("ibmensourceid"):
            raise Malformed(
                "attribute_missing",
                "the required attribute `ibmensourceid` is missing",
                pointer="/ibmensourceid",
                expected="the id of a registered source",
            )
        parsed = payload(event)
        return (Decoded(event, meaning(_as_written(event), parsed), parsed),)

    def request_of(self, event: Event, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """The whole event: a notification is more than its data."""
        return structured(event), {}

    def refine(self, decoded: Decoded) -> Vocabulary:
        """The meaning of a failure of IBM Cloud Backup for VPC. Never fails, whatever the details are."""
        words, event_type = decoded.vocabulary, decoded.event.type
        details = _details(decoded.payload, as_sent(decoded.event).get("ibmendefaultlong"))
        reasons = _reasons(details, event_type.partition(":")[2])
        title = words.title or _title(event_type)
        resource = words.resource or _text(details, "resource")
        policy = None if resource else _text(details, "backup_policy")
        job = words.job or _text(details, "backup_policy_job")
        known = {
            "Resource": resource,
            "BackupPolicyID": policy,
            "BackupJobID": job,
            "Reason": "; ".join(map(str, reasons)),
        }
        return replace(
            words,
            severity=max(words.severity or Severity.ERROR, Severity.ERROR),
            outcome=Outcome.FAILED,
            title=title,
            summary=_summary(words.summary, title, known),
            resource=resource or policy,
            resources=_spellings(resource or policy or ""),
            job=job,
            links=_links(words.links, details, reasons),
        )


def _as_written(event: Event) -> Event:
    """The event with its texts as the sender wrote them, for people: with line breaks."""
    if CARRIER not in event.attributes:
        return event
    return Event({name: value for name, value in as_sent(event).items() if isinstance(value, str | int)})


@dataclass(frozen=True, slots=True)
class _Told:
    """A reason as the sender told it: a code, a sentence, or both, and a help link."""

    code: str
    sentence: str
    more_info: str | None

    @property
    def key(self) -> str:
        """What two tellings of the same reason have in common."""
        return normalise(self.code) if self.code else self.sentence

    def __str__(self) -> str:
        known = reason(self.code)
        text = (self.sentence or (known.sentence if known else self.code)).rstrip(" .")
        if not self.code or known:
            return text
        return f"{text} ({UNKNOWN} {self.code})" if self.sentence else f"{text} ({UNKNOWN})"

    @property
    def link(self) -> str | None:
        """Where to read on: as the sender says, else as the table does."""
        known = reason(self.code)
        return self.more_info or (known.more_info if known else None)


def _details(parsed: Json | Missing, text: object) -> dict[str, Json]:
    """What is known of the job by the names of IBM's details: from `data`, else from `ibmendefaultlong`."""
    found: dict[str, Json] = {}
    if isinstance(text, str) and text.lstrip().startswith("{"):
        found |= _details_in(text[:MAX_DETAILS])
    if isinstance(parsed, dict):
        found |= parsed
    return {name: value for name in _DETAILS if (value := found.get(name))}


def _details_in(text: str) -> Mapping[str, Json]:
    """The members of a JSON object; of one that is not valid, the texts that can be told apart."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _fragments(text)
    return found if isinstance(found, dict) else {}


def _fragments(text: str) -> dict[str, Json]:
    """The first text of every name, and as reasons those with a status that the table knows."""
    pairs = [(pair[1], (pair[2] or pair[3] or "").replace('\\"', '"')) for pair in _pairs(text)]
    reasons: list[Json] = [{"status": text} for name, text in pairs if name == "status" and reason(text)]
    return {**dict(reversed(pairs)), "reasons": reasons}


def _text(details: Mapping[str, Json], name: str) -> str | None:
    value = details.get(name)
    return line(value) or None if isinstance(value, str) else None


def _reasons(details: Mapping[str, Json], subtype: str) -> Sequence[_Told]:
    """Each reason once, however it is spelled, at most MAX_REASONS."""
    found: dict[str, _Told] = {}
    for told in _all_reasons(details):
        found.setdefault(told.key, told)
        if len(found) == MAX_REASONS:
            break
    if subtype and (not found or reason(subtype)):
        told = _told(subtype, details)
        found.setdefault(told.key, told)
    return tuple(found.values())


def _all_reasons(details: Mapping[str, Json]) -> Iterator[_Told]:
    if text := _text(details, "status_reason"):
        yield _told(text, details)
    rows = details.get("reasons")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and (text := _text(row, "status")):
            yield _told(text, {**details, **row})


def _told(text: str, place: Mapping[str, Json]) -> _Told:
    """A reason from `code: text`, a code or a text, with the help link that stands beside it."""
    code, _, sentence = (part.strip() for part in text.partition(":"))
    if not _is_code(code):
        code, sentence = "", text
    return _Told(code, sentence, web_address(place.get("more_info")))


def _title(event_type: str) -> str:
    job = _job(event_type)
    return f"{job[1]} backup job {job[2]} failure".title() if job else "Backup Job Failure"


def _summary(told: str | None, title: str, known: Mapping[str, str | None]) -> str | None:
    """What the sender wrote for people; where that is JSON or nothing, a line like that of IBM's mail."""
    if told and not told.startswith("{"):
        return told
    parts = [f"{label}: {value}" for label, value in known.items() if value]
    return block(". ".join((title.rstrip(" ."), *parts)) + ".") if parts else told


def _spellings(resource: str) -> tuple[str, ...]:
    """All spellings of a resource: what a CRN names is also known by the id that it ends in."""
    if not resource.startswith("crn:"):
        return spellings(resource) if resource else ()
    identifier = resource.rpartition(":")[2]
    return (resource, identifier) if identifier else (resource,)


def _links(links: Mapping[str, str], details: Mapping[str, Json], reasons: Sequence[_Told]) -> dict[str, str]:
    """The event's links and, where to read on, those of the reasons: the sender's or those of the table."""
    found = dict(links)
    addresses = [(told.code, told.link) for told in reasons] or [("", web_address(details.get("more_info")))]
    for code, address in addresses:
        if address and address not in found.values():
            label = f"More information: {code}" if MORE in found else MORE
            found[label] = address
    return found
