"""What an event says of the thing that it is about: the sign that opens, joins or closes an incident.

The thing is what the source's key names, by default its resource or job, else its subject. The gateway's own
events go by their monitor and its key; those about incidents are no signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import structlog

from gateway.domain.errors import Invalid, Problem
from gateway.domain.event import allowed_text
from gateway.domain.ids import SubscriptionId
from gateway.domain.incident import Sign, failing
from gateway.domain.severity import Severity
from gateway.domain.source import SELF, Source
from gateway.domain.view import EventView
from gateway.pipeline.noise import Noise
from gateway.pipeline.watch import Read, key_text, operand

log = structlog.get_logger()

MONITOR, RECOVERED = "io.tocsin.monitor.", "io.tocsin.monitor.recovered"
MAX_OPERANDS = 5
MAX_TITLE = MAX_ABOUT = 200
ENDINGS = frozenset(
    (
        "aborted", "alert", "canceled", "cancelled", "complete", "completed", "corrupt", "corrupted",
        "degraded", "done", "down", "end", "ended", "error", "errored", "fail", "failed", "failing",
        "failure", "finished", "firing", "late", "log", "logged", "missed", "ok", "partial", "passed",
        "problem", "recovered", "regression", "report", "reported", "resolved", "result", "start",
        "started", "status", "succeeded", "success", "successful", "timeout", "up", "verified", "warning",
    )
)  # fmt: skip
"""Last words of types that say how something ended, or that it did."""
_LAST_WORD = re.compile(r"(.+?)(?:[._:/-]([A-Za-z]+)|(?<=[a-z0-9])(?=[A-Z])([A-Z][a-z]+))\Z").match


def sign_of(source: Source, view: EventView, wake_after: float | None = None) -> Sign | None:
    """The sign of an event of this source; None where it says nothing of how a thing is."""
    if not source.incidents:
        return None
    own = source.id == SELF
    bad = _own(view) if own else failing(view.vocabulary)
    if bad is None:
        return None
    thing = _of_monitor(view) if own else _thing(source, view)
    if not thing:
        return None
    severity = view.vocabulary.severity or (Severity.ERROR if bad else Severity.INFO)
    about = "" if own or source.incident_key else activity(view.event.type)
    after = wake_after if bad else None
    return Sign(f"{source.id}|{thing}", bad, severity, _title(view, thing), after, about)


def activity(type: str) -> str:
    """What is done with a thing: the type of its events without the word that says how it ended, if there is
    one (`backup.failed` and `backup.success` are both `backup`)."""
    found = _LAST_WORD(type)
    ends = found is not None and (found[2] or found[3]).lower() in ENDINGS
    return allowed_text(found[1] if found and ends else type)[:MAX_ABOUT]


def wake_after(
    noises: Mapping[SubscriptionId, Noise], subscription_ids: Iterable[SubscriptionId]
) -> float | None:
    """After how many seconds a policy of one of these wants to look at an incident again."""
    times = []
    for one in set(subscription_ids):
        noise = noises.get(one)
        if noise is not None:
            reminders, escalation = noise.in_force.reminders, noise.in_force.escalation
            times += [reminders.every] if reminders else []
            times += [escalation.after] if escalation else []
    return min(times, default=None)


def key_problems(operands: Iterable[str], pointer: str) -> list[Problem]:
    """What is wrong with a source's key of incidents."""
    problems: list[Problem] = []
    for place, text in enumerate(operands):
        try:
            if not text:
                raise Invalid("rule_syntax", "this names nothing", expected="a name such as resource")
            operand(text)
        except Invalid as error:
            where = f"{pointer}/{place}"
            problems += [Problem(one.code, one.detail, where, one.expected) for one in error.problems]
    return problems


def _own(view: EventView) -> bool | None:
    """Of the gateway's events those of its monitors, whatever severity somebody gave a breach."""
    if not view.event.type.startswith(MONITOR):
        return None
    return view.event.type != RECOVERED


def _of_monitor(view: EventView) -> str:
    payload = view.payload if isinstance(view.payload, dict) else {}
    monitor, key = key_text(payload.get("monitor_id")), key_text(payload.get("resource"))
    return "|".join(part for part in (monitor, key) if part)


def _thing(source: Source, view: EventView) -> str:
    if not source.incident_key:
        words = view.vocabulary
        return key_text(words.resource or words.job or view.event.text("subject") or "") or ""
    parts = [key_text(read(view)) or "" for read in _reads(source.incident_key)]
    return "|".join(parts) if any(parts) else ""


@lru_cache(maxsize=1024)
def _reads(operands: tuple[str, ...]) -> tuple[Read, ...]:
    """One that another version let in and this one cannot read is left out."""
    reads = []
    for text in operands:
        try:
            reads.append(operand(text))
        except Invalid as error:
            log.error("rule.uncompilable", code=error.code, detail=error.detail, operand=text)
    return tuple(reads)


def _title(view: EventView, thing: str) -> str:
    title = view.vocabulary.title or f"{view.event.type}: {thing}"
    return allowed_text(" ".join(title.split()))[:MAX_TITLE]
