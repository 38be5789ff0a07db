"""What is remembered of a source that the gateway asks itself, and how one answer moves that memory on.

An answer that differs from the settled one is a candidate. It settles, and is a change to be told, once it
came so often in a row. What an answer is, and how it looks, is said by the source's format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.domain.ids import SourceId
from gateway.domain.vocabulary import Outcome

_BAD = (Outcome.FAILED, Outcome.WARNING)


class Heard(NamedTuple):
    """One answer, or that there was none: what of it is compared, how it looks (None: neither good nor bad),
    when it came, and the beginning of it as JSON text."""

    compared: str
    outcome: Outcome | None
    at: float
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """The memory of one source. Times in epoch seconds.

    `revision` is how often it was claimed or written. `watched` stands for what is asked: where that
    changes, the memory begins anew. `settled` is the answer that counts, None where none does yet, `since`
    when it was first heard. `candidate` is another one that came `seen` times in a row, first at
    `first_at`. `changes` counts what was told. `asked_at`, `last` and `shown` are of the last answer.
    `untold` is a change that is still to be accepted as an event.
    """

    source_id: SourceId
    revision: int = 0
    watched: str = ""
    settled: str | None = None
    outcome: Outcome | None = None
    since: float = 0.0
    candidate: str | None = None
    candidate_outcome: Outcome | None = None
    seen: int = 0
    first_at: float = 0.0
    changes: int = 0
    asked_at: float | None = None
    last: Outcome | None = None
    shown: str = ""
    untold: str = ""


class Turn(NamedTuple):
    """A change to be told: its number, when the answer was first heard, what counted before."""

    number: int
    since: float
    before: str | None
    before_outcome: Outcome | None


def watching(poll: Poll, watched: str) -> Poll:
    """The memory for what is asked now: a new one where that is another thing. Numbers of changes go on."""
    if poll.watched == watched:
        return poll
    return Poll(poll.source_id, poll.revision, watched, changes=poll.changes, untold=poll.untold)


def heard(poll: Poll, answer: Heard, needed: int) -> tuple[Poll, Turn | None]:
    """The memory after an answer, and the change that it makes where it is the `needed`-th of its kind.

    A first answer that is not bad settles at once and tells nothing.
    """
    poll = replace(poll, asked_at=answer.at, last=answer.outcome, shown=answer.shown)
    if answer.compared == poll.settled:
        return _without_candidate(poll), None
    if poll.settled is None and answer.outcome not in _BAD:
        return _settled(poll, answer, answer.at), None
    again = _continues(poll, answer)
    seen, first_at = (poll.seen + 1, poll.first_at) if again else (1, answer.at)
    if seen < needed:
        waiting = replace(
            poll,
            candidate=answer.compared,
            candidate_outcome=answer.outcome,
            seen=seen,
            first_at=first_at,
        )
        return waiting, None
    turn = Turn(poll.changes + 1, first_at, poll.settled, poll.outcome)
    return replace(_settled(poll, answer, first_at), changes=turn.number), turn


def _continues(poll: Poll, answer: Heard) -> bool:
    """Whether an answer is one more of the candidate. While all is well, failures of any sort are: what
    times out now and then answers 502 is down, although no two answers are equal."""
    if answer.compared == poll.candidate:
        return True
    failures = answer.outcome is poll.candidate_outcome is Outcome.FAILED
    return failures and poll.outcome is not Outcome.FAILED


def _settled(poll: Poll, answer: Heard, since: float) -> Poll:
    return replace(_without_candidate(poll), settled=answer.compared, outcome=answer.outcome, since=since)


def _without_candidate(poll: Poll) -> Poll:
    return replace(poll, candidate=None, candidate_outcome=None, seen=0, first_at=0.0)
