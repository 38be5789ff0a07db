"""A small HTTP client of the gateway's API, on the standard library; what commands speak through.

One connection a call: a command makes a handful of them, and none may hang.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gateway.cli.places import Place, Unreachable, find
from gateway.domain.errors import Problem, Refused

TIMEOUT = 40.0
"""Seconds for one call; the longest is the test of a destination, which waits for one attempt of 30 s."""

PAGE = 100
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that are read."""

Json = Any


class Client:
    """Calls below one instance of one gateway."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._parts = urlsplit(place.url)
        self._base = f"{self._parts.path}/v1/instances/{quote(place.instance, safe='')}/"

    @classmethod
    def here(cls, instance: str | None = None) -> Client:
        """The gateway that the surroundings name. Raises Unreachable or ConfigurationError."""
        place = find()
        return cls(Place(place.url, place.key, instance or place.instance))

    def get(self, path: str, **query: object) -> Json:
        """Read something; parameters that are None or '' are left out."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, object] | None = None, **query: object) -> Json:
        """Create something, or have something done."""
        return self.call("POST", path, body=body, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Json:
        """The parsed answer, None where there is none. Raises Refused as the gateway says, or Unreachable."""
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        target = self.target(path) + (f"?{urlencode(given)}" if given else "")
        content = json.dumps(body).encode() if body is not None else b""
        return self.send(method, target, content, {"Content-Type": "application/json"} if content else {})

    def target(self, path: str) -> str:
        """A path below the instance, from the root on."""
        return self._base + path

    def outside(self, path: str) -> Json:
        """Read what belongs to no instance: a path from the gateway's own root on."""
        return self.send("GET", f"{self._parts.path}{path}", b"", {})

    def send(self, method: str, target: str, content: bytes, headers: Mapping[str, str]) -> Json:
        """Like `call`, for a body that is ready and a target that starts at the root."""
        sent = {"Authorization": f"Bearer {self.place.key}", "Accept": "application/json", **headers}
        status, answer = self._exchange(method, target, content, sent)
        parsed = _parsed(answer)
        if status >= 300 or parsed is _NOT_JSON:
            raise refusal(status, parsed)
        return parsed

    def every(self, noun: str, search: str = "", **query: object) -> Iterator[dict[str, Any]]:
        """All rows of a list, page after page."""
        offset = 0
        while True:
            page = self.get(noun, limit=PAGE, offset=offset, search=search[:100], **query)
            yield from page[noun]
            offset += PAGE
            if offset >= page["total_count"]:
                return

    def _exchange(
        self, method: str, target: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            connection.request(method, target, content or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(f"no gateway answers at {self.place.url}: {reason}") from error
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=TIMEOUT)


def refusal(status: int, answer: Json) -> Refused:
    """What the gateway said, as the error that it is. Understands any HTTP server that says no."""
    if not isinstance(answer, dict) or "code" not in answer:
        return Refused(f"http_{status}", f"answered {status}; is that a Tocsin gateway?")
    rows = answer.get("problems") or []
    problems = [
        Problem(row.get("code", ""), row.get("detail", ""), row.get("pointer", ""), row.get("expected", ""))
        for row in rows
    ]
    return Refused(str(answer["code"]), str(answer.get("detail", "")), problems=problems)


def segment(text: str) -> str:
    """An id as one segment of a path."""
    return quote(text, safe="")


def _parsed(answer: bytes) -> Json:
    try:
        return json.loads(answer) if answer.strip() else None
    except ValueError:
        return _NOT_JSON


_NOT_JSON = object()
