"""Several events in one message (CloudEvents JSON Batch Format 1.0.2): all of them or none.

The specification leaves partial failure open; here one bad event refuses the whole batch, and every
problem is told under the index of its event, as `/3/source`.
"""

from __future__ import annotations

from gateway.domain.errors import Malformed, Problem
from gateway.domain.event import Event
from gateway.spi.cloudevents import structured
from gateway.spi.cloudevents.json_text import check_utf8, objects

MAX_EVENTS = 500
MAX_PROBLEMS = 100
"""How many problems of one batch are told."""


def decode(body: bytes, *, max_events: int = MAX_EVENTS) -> list[Event]:
    """Read the events of a batch, in order; an empty batch is valid.

    Raises TooLarge beyond `max_events`, else Malformed with the problems of every bad event.
    """
    check_utf8(body)
    events: list[Event] = []
    problems: list[Problem] = []
    for index, text in enumerate(objects(body, max_events)):
        try:
            events.append(structured.event(bytes(text)))
        except Malformed as refusal:
            problems += [problem.below(f"/{index}") for problem in refusal.problems]
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        raise Malformed.of(problems[:MAX_PROBLEMS])
    return events
