"""IBM's bulk send, which its clients had until 2024: notifications of one source in one request, all or none.

Reference: `send_bulk_notifications` of ibm-eventnotifications 0.3.0 (facts: ibm-event-notifications 0.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.errors import Malformed, Problem
from gateway.pipeline.decode import decode_native
from gateway.pipeline.receive import Envelope
from gateway.spi.cloudevents.json_text import check_utf8, members, objects
from gateway.spi.source_format import Decoded

MEMBER = "bulk_messages"
MAX_PROBLEMS = 100


def decode_bulk(envelope: Envelope, name: str, *, max_events: int) -> Sequence[Decoded]:
    """Read `{"bulk_messages": [...]}`, each element by the format called `name`.

    Raises TooLarge beyond `max_events`, else Malformed with the problems of every bad element.
    """
    check_utf8(envelope.body)
    listed = members(envelope.body).get(MEMBER)
    if listed is None:
        raise Malformed(
            "member_missing",
            f"the member `{MEMBER}` is missing",
            pointer=f"/{MEMBER}",
            expected="a list of notifications",
        )
    decoded: list[Decoded] = []
    problems: list[Problem] = []
    for index, text in enumerate(objects(bytes(listed), max_events)):
        try:
            decoded += decode_native(envelope._replace(headers=(), body=bytes(text)), name, None)
        except Malformed as refusal:
            problems += [problem.below(f"/{MEMBER}/{index}") for problem in refusal.problems]
    if problems:
        raise Malformed.of(problems[:MAX_PROBLEMS])
    return decoded


def only_source(named: Sequence[str]) -> str:
    """The one source that all elements name. Raises Malformed: a bulk is one transaction of one source."""
    if len(set(named)) != 1:
        raise Malformed(
            "several_sources" if named else "batch_empty",
            f"the notifications of a bulk name {len(set(named))} sources",
            pointer=f"/{MEMBER}",
            expected="notifications that all have the same ibmensourceid",
        )
    return named[0]
