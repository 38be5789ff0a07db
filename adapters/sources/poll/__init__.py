"""Polls: what a health page answers, asked again and again by the gateway itself; a change is an event.

Read as they are: plain pages, by their status; JSON with a status of its own, as Backupman's `GET /health`
(`Status` UP or DOWN, with Database, Notifiers, Drives and DataSources below; heryTz/backupman), Spring
Boot's `components`, `checks` of draft-inadarei-api-health-check, Gotify's and ntfy's. Which of the checks
below fail is in the title. A redirect is not followed, and is no good answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import orjson
from pydantic import Field

from adapters.sources.poll.words import failing, judged, own_status
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, block
from gateway.spi.foreign import Body, Members
from gateway.spi.polled_format import PolledFormat, PollOptions, Reading
from gateway.spi.source_format import Credential, Decoded

UNREACHED = "unreached"
MAX_POINTERS = 20
MAX_WORD = 100
"""Characters of what is compared; a longer value is compared by its digest."""
MAX_FAILING = 20
"""Failing checks that a title names."""

Pointer = Annotated[str, Field(max_length=500, pattern=r"^(/.*)?$")]
Word = Annotated[str, Field(max_length=MAX_WORD)]


class HealthOptions(PollOptions):
    """What of an answer counts."""

    compare: Pointer | Annotated[list[Pointer], Field(max_length=MAX_POINTERS)] | None = Field(
        None,
        title="Compare",
        description="JSON pointers to what of an answer is compared, beside its class; else its `status`.",
    )
    good: list[Word] = Field(
        [],
        title="Good",
        description="Values of it that are good, all others are bad; else known by usual words.",
        max_length=50,
    )


class Poll(PolledFormat):
    """Health pages and whatever else answers to GET."""

    name = "poll"
    title = "Polls"
    summary = "A URL that the gateway asks every minute, as Backupman's `/health`; a change is an event."
    schema = "sources/poll"
    credential = Credential.NONE
    Options = HealthOptions

    def reading(self, answer: Members, options: Mapping[str, Any]) -> Reading:
        """What is compared: the class of the status and the words of the body; else the status itself."""
        status = _status(answer)
        if status is None:
            return Reading(UNREACHED, Outcome.FAILED)
        words = _words(answer, options)
        outcome = _judged(words, options) if 200 <= status < 300 else Outcome.FAILED
        if not words and not options.get("compare"):
            return Reading(str(status), outcome)
        return Reading(" ".join([f"{status // 100}xx", *words]), outcome)

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. What is no answer is taken for the body of one with status 200. Raises Malformed."""
        sent = _answered(foreign.read_object(body))
        members = sent.members
        answer, before = foreign.inner(members, "answer"), foreign.inner(members, "before")
        options = source.options if source else {}
        now, was = self.reading(answer, options), _outcome(before)
        change, since = members.get("change"), foreign.moment(members.get("since"))
        name = foreign.attribute(source.name) if source else ""
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=f"health.{_happening(now.outcome, was)}",
            id=foreign.fingerprint(source.id if source else "", change, since)
            if isinstance(change, int)
            else foreign.digest(sent.data),
            words=_vocabulary(name or "poll", answer, now, before),
            time=since,
            subject=name or None,
        )
        return (made,)


def _answered(sent: Body) -> Body:
    """The answer as the gateway heard it, or a body that somebody pasted."""
    answer = foreign.inner(sent.members, "answer")
    if _status(answer) is not None or isinstance(answer.get(UNREACHED), str):
        return sent
    if not sent.members:
        raise foreign.unrecognised("a health page", "the body of an answer, or `answer` with a `status`")
    return foreign.read_object(b'{"answer":{"status":200,"body":' + sent.data + b"}}")


def _status(answer: Members) -> int | None:
    status = answer.get("status")
    return status if isinstance(status, int) and not isinstance(status, bool) else None


def _outcome(before: Members) -> Outcome | None:
    word = before.get("outcome")
    return Outcome(word) if isinstance(word, str) and word in {"ok", "failed", "warning"} else None


def _words(answer: Members, options: Mapping[str, Any]) -> list[str]:
    """What of a body is compared: the values that pointers lead to, else the status that it tells."""
    body, chosen = answer.get("body"), options.get("compare")
    if chosen is None:
        found = own_status(body)
        return [_word(found)] if found is not None else []
    pointers = chosen if isinstance(chosen, list) else [chosen]
    return [_word(foreign.pointed(body, str(one))) for one in pointers[:MAX_POINTERS]]


def _word(value: Json) -> str:
    """A value as one short word that differs where the value does."""
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if len(text) <= MAX_WORD and text.isprintable():
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _judged(words: list[str], options: Mapping[str, Any]) -> Outcome | None:
    """How an answer looks that has a good status, by its words: the worst of them counts."""
    good = options.get("good")
    if not isinstance(good, list) or not good:
        return judged(words)
    known = {str(one).strip().lower() for one in good}
    return Outcome.OK if all(word.strip().lower() in known for word in words) else Outcome.FAILED


def _happening(now: Outcome | None, was: Outcome | None) -> str:
    if now is Outcome.FAILED:
        return "failed"
    recovered = now is Outcome.OK and was in (Outcome.FAILED, Outcome.WARNING)
    return "recovered" if recovered else "changed"


def _vocabulary(name: str, answer: Members, now: Reading, before: Members) -> Vocabulary:
    found = list(islice(failing(answer.get("body")), MAX_FAILING + 1))
    more = [*found[:MAX_FAILING], *(["more"] if len(found) > MAX_FAILING else [])]
    checks = f": {', '.join(more)}" if found else ""
    was = foreign.text(before, "compared")
    return Vocabulary(
        severity=foreign.SEVERITIES[now.outcome] if now.outcome else Severity.NOTICE,
        outcome=now.outcome,
        title=foreign.attribute(f"{name} {_said(answer, now, _outcome(before), was)}{checks}", MAX_TITLE),
        summary=block("\n".join(_lines(answer, now, was))) or None,
        resource=name,
        resources=(name,),
    )


def _said(answer: Members, now: Reading, was: Outcome | None, before: str | None) -> str:
    status = _status(answer)
    if status is None:
        return f"cannot be reached ({foreign.text(answer, UNREACHED) or 'unknown'})"
    word, told = _told(now.compared), now.compared.partition(" ")[2]
    if now.outcome is Outcome.FAILED:
        return f"answers {status} {told}".rstrip() if status // 100 != 2 else f"is not well ({word})"
    if _happening(now.outcome, was) == "recovered":
        return "is well again"
    if now.outcome is Outcome.WARNING:
        return f"is not quite well ({word})"
    return f"answers {word}" + (f" (before: {_told(before)})" if before else "")


def _told(compared: str) -> str:
    """What was compared, for people: without the class of the status where a word says more."""
    return compared.partition(" ")[2] or compared


def _lines(answer: Members, now: Reading, before: str | None) -> Iterator[str]:
    if detail := foreign.text(answer, "detail"):
        yield detail
    yield f"Answer: {now.compared}"
    if before:
        yield f"Before: {before}"
