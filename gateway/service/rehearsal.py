"""What a payload would become at a source, without accepting it: read, judged and routed as ingest does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import Problem
from gateway.domain.source import Source
from gateway.domain.topic import Topic
from gateway.pipeline.counts import looking
from gateway.pipeline.decode import decode_for
from gateway.pipeline.receive import Envelope
from gateway.pipeline.snapshot import Snapshot
from gateway.pipeline.validate import validate
from gateway.spi.source_format import Decoded


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One event as it would be: its meaning, why it would be quarantined, the topics that would take it, and
    the problems that would be shown beside it."""

    decoded: Decoded
    problems: Sequence[Problem]
    topics: Sequence[Topic]
    flags: Sequence[Problem] = ()


def rehearse(
    snapshot: Snapshot, source: Source, envelope: Envelope, *, max_events: int
) -> Sequence[Rehearsed]:
    """Raises what ingest would raise of this request, but for its credential."""
    decoded, batched = decode_for(envelope, source, max_events=max_events)
    verdicts = validate(snapshot.bindings.get(source.id, ()), decoded, batched=batched)
    table = snapshot.routes.get(source.id)
    with looking():
        return [
            Rehearsed(
                one,
                verdict.problems,
                [candidate.topic for candidate in table.matching(one.view)] if table else [],
                verdict.flags,
            )
            for one, verdict in zip(decoded, verdicts, strict=True)
        ]
