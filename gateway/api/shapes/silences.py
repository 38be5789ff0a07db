"""Bodies of silences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.api.shapes.base import Answer, PageAnswer, PageQuery, StrictGiven, timestamp
from gateway.api.shapes.spelled import Seconds
from gateway.domain.counting import Counted
from gateway.domain.errors import Invalid
from gateway.domain.silence import Silence, SilenceState
from gateway.pipeline.snapshot import Snapshot
from gateway.service.counting import History
from gateway.service.silences import DAY, LONGEST_DAYS, Wanted

LONGEST = LONGEST_DAYS * DAY
RULE = "Of which events nobody is told, in the expression dialect; `true` for all."


class SilenceCreate(StrictGiven):
    """Silence something: one of `ends_at` and `lasts`."""

    rule: str = Field(min_length=1, max_length=4096, description=RULE)
    reason: str = Field(min_length=1, max_length=500, description="Why, for those who wonder.")
    author: str | None = Field(
        None, min_length=1, max_length=255, description="Who; without it, the name of the key."
    )
    topic_id: str | None = Field(None, description="Only what this topic tells.")
    starts_at: str | None = Field(None, max_length=64, description="RFC 3339; without it, now.")
    ends_at: str | None = Field(None, max_length=64, description="RFC 3339.")
    lasts: Annotated[float, Seconds(1, LONGEST)] | None = Field(
        None, description="From its start: seconds, or text such as `2h`."
    )

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.ends_at is None) == (self.lasts is None):
            raise ValueError("one of ends_at and lasts")
        return self


class SilenceQuery(PageQuery):
    """Which silences to list."""

    search: str = Field("", max_length=100, description="Text in rule, reason or author, in any case.")
    state: SilenceState | None = Field(None, description="Only those that stand like this.")


class SilenceAnswer(Answer):
    """A silence, and what it held back."""

    id: str
    state: SilenceState
    rule: str
    topic_id: str | None = None
    topic_name: str | None = None
    starts_at: str
    ends_at: str
    author: str
    reason: str
    suppressed: int | None = Field(
        None, description="Deliveries that it held back; missing where that cannot be told."
    )
    not_evaluable: int | None = Field(None, description="Events on which its rule could not be evaluated.")
    created_at: str
    updated_at: str


class SilencePage(PageAnswer):
    """A page of silences, the newest first."""

    silences: list[SilenceAnswer]


def wanted_of(given: SilenceCreate, author: str) -> Wanted:
    """What is asked for. Raises Invalid for a time that is none."""
    return Wanted(
        given.rule,
        given.reason,
        given.author or author,
        _moment("/starts_at", given.starts_at),
        _moment("/ends_at", given.ends_at),
        given.lasts,
        given.topic_id,
    )


def silence_answer(
    silence: Silence, snapshot: Snapshot, now: float, history: History | None
) -> SilenceAnswer:
    """A silence for reading."""
    topic = snapshot.topics.get(silence.topic_id) if silence.topic_id else None
    return SilenceAnswer(
        id=silence.id,
        state=silence.state(now),
        rule=silence.rule,
        topic_id=silence.topic_id,
        topic_name=topic.name if topic else None,
        starts_at=timestamp(silence.starts_at),
        ends_at=timestamp(silence.ends_at),
        author=silence.author,
        reason=silence.reason,
        suppressed=history.total(Counted.SUPPRESSED) if history else None,
        not_evaluable=(history.total(Counted.NOT_EVALUABLE) or None) if history else None,
        created_at=timestamp(silence.created_at),
        updated_at=timestamp(silence.updated_at),
    )


def selected(silences: list[Silence], query: SilenceQuery, now: float) -> tuple[list[Silence], int]:
    """The silences of a page, the newest first, and how many there are in all."""
    text = query.search.casefold()
    found = [
        one
        for one in reversed(silences)
        if query.state in (None, one.state(now))
        and any(text in part.casefold() for part in (one.rule, one.reason, one.author))
    ]
    return found[query.offset : query.offset + query.limit], len(found)


def _moment(pointer: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        "invalid_value", "this is no time", pointer=pointer, expected="RFC 3339, as in 2026-03-01T08:00:00Z"
    )
