"""What a monitor has to say, as a CloudEvent: the same bytes and the same id, whichever node makes it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.event import allowed_text
from gateway.domain.monitor import Happening, Monitor, MonitorKind, Notice, Standing, Turn
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome

TYPE = "io.tocsin.monitor."
ID_BYTES = 16
WORDS = frozenset({"job", "actor", "task_id"})
"""Keys that are words of the vocabulary, and not the name of another member."""

_OUTCOMES = {
    MonitorKind.SILENCE: Outcome.MISSED,
    MonitorKind.FAILURES: Outcome.FAILED,
}


def notice(monitor: Monitor, turn: Turn) -> Notice:
    """The event of one turn. Its id is made from the monitor, the key, and which breach it tells of."""
    standing = turn.standing
    recovered = turn.happening is Happening.RECOVERED
    event_id = _id(monitor, turn)
    made = CloudEvent(
        {
            "id": event_id,
            "source": f"/instances/{monitor.instance_id}/monitors/{monitor.id}",
            "type": f"{TYPE}{turn.happening}",
            "specversion": "1.0",
            "time": datetime.fromtimestamp(turn.at, UTC),
            "subject": allowed_text(standing.key or monitor.name),
            "datacontenttype": "application/json",
            "severity": (Severity.INFO if recovered else monitor.severity).word,
        },
        {
            "title": _title(monitor, turn),
            "summary": _summary(monitor, turn),
            "outcome": Outcome.OK if recovered else _OUTCOMES.get(monitor.kind, Outcome.WARNING),
            **_named(monitor, standing),
            "monitor": monitor.name,
            "monitor_id": monitor.id,
            "kind": monitor.kind,
            "state": standing.state,
            **_figures(monitor, standing),
        },
    )
    body = to_structured_event(made, JSONFormat()).body
    return Notice(event_id, monitor.instance_id, body)


def _named(monitor: Monitor, standing: Standing) -> dict[str, str]:
    """The key as the resource, and as what it is: rules about a job hold for what is said of that job."""
    if not standing.key:
        return {}
    return {"resource": standing.key} | ({monitor.key: standing.key} if monitor.key in WORDS else {})


def _id(monitor: Monitor, turn: Turn) -> str:
    parts = f"{monitor.id}\0{turn.standing.key}\0{turn.happening}\0{turn.breach}".encode()
    return hashlib.blake2b(parts, digest_size=ID_BYTES).hexdigest()


def _title(monitor: Monitor, turn: Turn) -> str:
    subject = f"{monitor.name}: {turn.standing.key}" if turn.standing.key else monitor.name
    return f"{subject} {_said(monitor, turn)}"


def _said(monitor: Monitor, turn: Turn) -> str:
    standing, silent = turn.standing, monitor.kind is MonitorKind.SILENCE
    value, before = _number(standing.value), _number(standing.before)
    return {
        Happening.MISSED: "was not heard in time",
        Happening.FAILING: "failed" if standing.run == 1 else f"failed {standing.run} times in a row",
        Happening.DROPPED: f"dropped to {value} (before: {before})",
        Happening.ROSE: f"rose to {value} (before: {before})",
        Happening.EXCEEDED: f"is at {value}, over {_number(monitor.threshold)}",
        Happening.REMINDER: "is still not heard" if silent else "is still not well",
        Happening.RECOVERED: "is heard again" if silent else "is well again",
    }[turn.happening]


def _summary(monitor: Monitor, turn: Turn) -> str:
    standing = turn.standing
    parts = [monitor.description] if monitor.description else []
    if monitor.kind is MonitorKind.SILENCE:
        if standing.due is not None and turn.happening is not Happening.RECOVERED:
            parts.append(f"Expected by {_time(standing.due)}.")
        parts.append(f"Last seen {_time(standing.last_seen)}." if standing.last_seen else "Never seen.")
    elif turn.happening in (Happening.REMINDER, Happening.RECOVERED) and standing.last_seen:
        parts.append(f"Last event {_time(standing.last_seen)}.")
    return " ".join(parts)


def _figures(monitor: Monitor, standing: Standing) -> dict[str, object]:
    figures = {
        "due": _time(standing.due) if standing.due is not None else None,
        "last_seen": _time(standing.last_seen) if standing.last_seen is not None else None,
        "last_event": standing.last_event or None,
        "failures": standing.run if monitor.kind is MonitorKind.FAILURES else None,
        "value": standing.value,
        "before": standing.before,
    }
    return {name: value for name, value in figures.items() if value is not None}


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.10g}"


def _time(moment: float) -> str:
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
    return shown.replace("+00:00", "Z")
