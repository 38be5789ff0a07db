"""What a polled source format is: one that nobody posts, because the gateway itself asks the source's URL.

The gateway asks, remembers and counts (`gateway.service.polling`); the format says what of an answer is
compared and how it looks, and reads a change as an event. Both are pure. What `parse` gets is an object:

    answer   what was answered: `status` and `body` (a JSON value, or a text), `truncated` where the body went
             on; or `unreached`, the reason, and a `detail`
    before   what counted before, if anything did: `compared`, and `outcome` where it is known
    change   the number of this change at this source
    since    when the answer was first heard
    url      where, without what may be secret
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome
from gateway.spi.foreign import Members
from gateway.spi.source_format import FormatOptions, SourceFormat
from gateway.spi.transport import header_fault, parse_url

MIN_EVERY, MAX_EVERY = 10, 86_400
"""Seconds between two requests."""
MAX_HEADERS = 20
MAX_EQUAL = 100


def _checked(url: str) -> str:
    parse_url(url)
    return url


class PollOptions(FormatOptions):
    """Where the gateway asks, how, and how often."""

    url: Annotated[str, AfterValidator(_checked)] = Field(
        title="URL", description="What is asked with GET. A query is kept as a secret, apart."
    )
    secret_query: SecretStr | None = Field(
        None, title="Query", description="The query of the URL; never shown again."
    )
    headers: dict[str, SecretStr] = Field(
        {},
        title="Headers",
        description="Headers to send, value by name; the values are never shown again.",
        max_length=MAX_HEADERS,
    )
    every: int = Field(
        60, ge=MIN_EVERY, le=MAX_EVERY, title="Every", description="Seconds between two requests."
    )
    equal_answers: int = Field(
        3,
        ge=1,
        le=MAX_EQUAL,
        title="Equal answers",
        description="How often another answer has to come in a row until it counts.",
    )
    timeout: float = Field(
        10, ge=1, le=30, title="Timeout", description="Seconds that an answer may take, from name lookup on."
    )

    @model_validator(mode="before")
    @classmethod
    def _part_query(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("url"), str) or "?" not in given["url"]:
            return given
        url, _, query = given["url"].partition("?")
        return {**given, "url": url, "secret_query": query or None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        parse_url(self.full_url)
        for name, value in self.headers.items():
            if fault := header_fault(name, value.get_secret_value()):
                raise ValueError(fault)
        if len({name.lower() for name in self.headers}) < len(self.headers):
            raise ValueError("a header is named twice; names do not differ by case")
        return self

    @property
    def full_url(self) -> str:
        """The URL with its query. Handle like a secret."""
        return f"{self.url}?{self.secret_query.get_secret_value()}" if self.secret_query else self.url


class Reading(NamedTuple):
    """What of an answer is compared, and how it looks: good, bad (failed, warning) or neither (None)."""

    compared: str
    outcome: Outcome | None


class PolledFormat(SourceFormat):
    """A format of sources that the gateway asks. See SourceFormat."""

    Options = PollOptions

    @abstractmethod
    def reading(self, answer: Members, options: Mapping[str, Any]) -> Reading:
        """Read the member `answer` of what `parse` gets; `options` are those of the source. Never raises."""


def asked(source: Source, formats: Mapping[str, SourceFormat]) -> PolledFormat | None:
    """The polled format of a source, or None for a source that is posted to."""
    found = formats.get(source.format)
    return found if isinstance(found, PolledFormat) else None
