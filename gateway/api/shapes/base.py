"""What all bodies have in common: how times look, how paging works, what is tolerated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.destination import Destination, Subscription
from gateway.domain.monitor import Monitor
from gateway.domain.schema import Schema
from gateway.domain.source import Instance, Source
from gateway.domain.template import Template
from gateway.domain.topic import Topic

Name = Annotated[str, Field(min_length=1, max_length=255)]
Description = Annotated[str, Field(max_length=1024)]

Row = TypeVar("Row", Source, Topic, Destination, Subscription, Schema, Template, Monitor)
"""What an instance has a list of."""

_LATEST = 253_402_300_799.0
"""The last second of the year 9999, the last that RFC 3339 can write."""


class Given(BaseModel):
    """A request body of IBM's API. Unknown members are ignored, as IBM's service does.

    Types are taken strictly, 0 is not false: so the description of the API tells what is accepted.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    def changes(self, **renamed: str) -> dict[str, Any]:
        """The members that were given, under the names our entities have."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {renamed.get(name, name): value for name, value in given.items() if value is not None}


class StrictGiven(Given):
    """A request body of our own; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """An answer body; members that are None are left out, never null (IBM's clients fail on null)."""


class Href(Answer):
    """A link to another page."""

    href: str


class PageQuery(BaseModel):
    """Paging and search of IBM's lists."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=100, description="Rows in a page.")
    offset: int = Field(0, ge=0, description="Rows to skip.")
    search: str = Field("", max_length=100, description="Text to look for in names, in any case.")


class PageAnswer(Answer):
    """The frame of a list; `next` is missing on the last page."""

    total_count: int
    offset: int
    limit: int
    first: Href | None = None
    previous: Href | None = None
    next: Href | None = None


def page_frame(path: str, query: PageQuery, total: int) -> dict[str, Any]:
    """Counts and links of a page; what else was asked for stays in them."""
    asked = {name: value for name in sorted(query.model_fields_set) if (value := getattr(query, name))}

    def link(offset: int) -> Href:
        words = {**asked, "limit": query.limit, "offset": offset}
        return Href(href=f"{path}?{urlencode(words)}")

    following, before = query.offset + query.limit, max(query.offset - query.limit, 0)
    return {
        "total_count": total,
        "offset": query.offset,
        "limit": query.limit,
        "first": link(0),
        "previous": link(before) if query.offset > 0 else None,
        "next": link(following) if following < total else None,
    }


def select(rows: Iterable[Row], instance: Instance, query: PageQuery) -> tuple[Sequence[Row], int]:
    """The rows of a page by age, and how many the instance has in all."""
    wanted = query.search.casefold()
    found = [row for row in rows if row.instance_id == instance.id and wanted in row.name.casefold()]
    found.sort(key=lambda row: (row.created_at, row.id))
    return found[query.offset : query.offset + query.limit], len(found)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, which every client of IBM's reads.

    A time before 1970 or after the year 9999 is shown as the nearest that is not: no answer fails on it.
    """
    shown = min(max(0.0, seconds), _LATEST)  # in this order NaN is 0 too
    return datetime.fromtimestamp(shown, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
