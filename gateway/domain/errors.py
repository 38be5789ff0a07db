"""Every error that Tocsin raises on purpose: one small tree.

    TocsinError
    ├── Refused                 a request the gateway does not take; nothing was stored
    │   ├── Malformed           400  it cannot be read
    │   ├── Unauthorized        401  no valid key
    │   ├── Forbidden           403  a valid key that may not do this
    │   ├── NotFound            404
    │   ├── MethodNotAllowed    405
    │   ├── TooSlow             408  the request did not arrive in time
    │   ├── Conflict            409
    │   ├── TooLarge            413
    │   ├── UnsupportedMedia    415
    │   ├── Invalid             422  readable, but against a schema or a rule
    │   ├── TooMany             429
    │   ├── HeadTooLarge        431
    │   ├── Unavailable         503  try again later; nothing was stored
    │   └── OutOfSpace          507  the store is full; nothing was stored
    └── ConfigurationError      the process cannot start as it is configured

Each carries a stable `code` that documents, clients and tests may rely on, and says what is wrong,
where (a JSON pointer) and what would be right. Programming errors are not wrapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `pointer` is an RFC 6901 JSON pointer into the request body, or ''."""

    code: str
    detail: str
    pointer: str = ""
    expected: str = ""

    def below(self, place: str) -> Problem:
        """The same as a problem of the whole, whose part at the pointer `place` has it."""
        return replace(self, pointer=place + self.pointer)


def pointer_token(name: str) -> str:
    """A member name as a token of a JSON pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


class TocsinError(Exception):
    """The root: everything raised on purpose."""


class ConfigurationError(TocsinError):
    """The process cannot run as configured; the message is one line that says what to change."""


class Refused(TocsinError):
    """A request that the gateway refuses, with every problem it found. Nothing was stored.

    `retry_after` is in seconds and goes out as the `Retry-After` header.
    """

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str = "",
        expected: str = "",
        problems: Sequence[Problem] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.problems = tuple(problems) or (Problem(code, detail, pointer, expected),)
        self.retry_after = retry_after

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Refused:
        """Refuse with several problems; the first one gives the code and the detail."""
        first = problems[0]
        return cls(first.code, first.detail, problems=problems)


class Malformed(Refused):
    """The request cannot be read."""


class Unauthorized(Refused):
    """There is no valid key."""

    status, title = 401, "Unauthorized"


class Forbidden(Refused):
    """The key is valid but may not do this."""

    status, title = 403, "Forbidden"


class NotFound(Refused):
    """There is no such thing, or not for this key."""

    status, title = 404, "Not found"


class MethodNotAllowed(Refused):
    """The path exists, the method does not."""

    status, title = 405, "Method not allowed"


class TooSlow(Refused):
    """The request did not arrive in time."""

    status, title = 408, "Request timeout"


class Conflict(Refused):
    """It contradicts what is stored."""

    status, title = 409, "Conflict"


class TooLarge(Refused):
    """The body is over the limit."""

    status, title = 413, "Content too large"


class UnsupportedMedia(Refused):
    """The content type or content encoding is not understood."""

    status, title = 415, "Unsupported media type"


class Invalid(Refused):
    """Readable, but against a schema or a rule."""

    status, title = 422, "Unprocessable content"


class TooMany(Refused):
    """Over a rate or a quota."""

    status, title = 429, "Too many requests"


class HeadTooLarge(Refused):
    """The header block is over the limit."""

    status, title = 431, "Request header fields too large"


class Unavailable(Refused):
    """Not now; nothing was stored."""

    status, title = 503, "Service unavailable"


class OutOfSpace(Refused):
    """The store has no room; nothing was stored."""

    status, title = 507, "Insufficient storage"
