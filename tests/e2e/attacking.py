"""Sends hostile requests to a running gateway and judges every answer the same way.

An answer has a status that the description of its operation lists, an error has the one error body, and says
what is wrong without repeating what was sent. What was answered 202 is stored, and nothing else is.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.harness import ADMIN_KEY

CANARY = "canary-9b1f47c0"
"""Stands in every hostile request where a secret could stand; it comes back in no refusal and no log line."""

ANYWHERE = frozenset({405, 414, 431, 505})
"""Statuses that the description names for every operation at once."""

STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
INSTANCE = "/v1/instances/{instance_id}"


@dataclass(frozen=True)
class Way:
    """A way to send events: where to, as what, and how the text of an event becomes a body.

    Where it is `lenient`, what the gateway does not need to know of an event may be anything.
    """

    operation: str
    media_type: str
    before: bytes = b""
    after: bytes = b""
    lenient: bool = False

    def body(self, event: bytes) -> bytes:
        return self.before + event + self.after


WAYS = {
    "structured": Way(f"{INSTANCE}/events", STRUCTURED),
    "batched": Way(f"{INSTANCE}/events", BATCHED, b"[", b"]"),
    "notification": Way(f"{INSTANCE}/notifications", "application/json", lenient=True),
    "notification below IBM's prefix": Way(
        f"/event-notifications{INSTANCE}/notifications", "application/json", lenient=True
    ),
    "notification of old": Way(
        "/event-notifications/v1/apps/{instance_id}/notifications", STRUCTURED, lenient=True
    ),
    "bulk": Way(f"{INSTANCE}/notifications/bulk", "application/json", b'{"bulk_messages":[', b"]}"),
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Attacker:
    """One instance under attack. `key` is that of the source `source_id`."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, instance: str, source_id: str, key: str
    ) -> None:
        self.url, self.instance, self.source_id, self.key = url, instance, source_id, key
        self.accepted: list[str] = []
        self._session = session
        self._numbers = itertools.count()
        self._described: dict[str, Any] = {}

    def fresh(self) -> str:
        """An id that no event had."""
        return f"hostile-{next(self._numbers)}"

    def event(self, data: bytes = b"null", **members: object) -> bytes:
        """The text of a lawful event with these very bytes as its data."""
        attributes = {
            "specversion": "1.0",
            "id": self.fresh(),
            "source": "/hostile",
            "type": "backup.failed",
            "ibmensourceid": self.source_id,
            "canary": CANARY,
        } | members
        return json.dumps(attributes).encode()[:-1] + b',"data":' + data + b"}"

    async def send(self, way: Way, body: bytes, **headers: str) -> Answer:
        """Post a body in one of the ways; what is accepted is remembered."""
        answer = await self.request(
            "POST", way.operation, body, **{"Content_Type": way.media_type, "key": self.key, **headers}
        )
        if answer.status == 202:
            self.accepted += ids(answer.json)
        return answer

    async def show(self, event_id: str) -> Answer:
        """Read one event back."""
        return await self.request("GET", f"{INSTANCE}/events/{{id}}", id=event_id)

    async def request(
        self,
        method: str,
        operation: str,
        body: bytes | None = None,
        *,
        key: str = ADMIN_KEY,
        id: str = "",
        **headers: str,
    ) -> Answer:
        """One request to an operation, as the description names it; the answer has been judged."""
        path = operation.replace("{instance_id}", self.instance)
        path = path.replace("{id}", quote(id, safe="")).replace("{key_id}", quote(id, safe=""))
        sent = {"Authorization": f"Bearer {key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        url = URL(self.url + path, encoded=True)
        content = None if body is None else io.BytesIO(body)
        async with self._session.request(method, url, data=content, headers=sent) as received:
            answer = Answer(received.status, received.headers, await received.text())
        await self._judge(method, operation.partition("?")[0], answer)
        return answer

    async def _judge(self, method: str, operation: str, answer: Answer) -> None:
        described = await self.described()
        place = (
            operation if operation in described["paths"] else operation.removeprefix("/event-notifications")
        )
        listed = described["paths"].get(place, {}).get(method.lower(), {}).get("responses", {})
        assert str(answer.status) in listed or answer.status in ANYWHERE, (operation, answer)
        if answer.status >= 400:
            judge_refusal(answer)

    async def described(self) -> dict[str, Any]:
        """The description that the gateway serves."""
        if not self._described:
            async with self._session.get(f"{self.url}/openapi.json") as answer:
                self._described = await answer.json()
        return self._described

    async def stored(self) -> set[str]:
        """The ids of every event of the instance."""
        found: set[str] = set()
        cursor = ""
        while True:
            path = f"{INSTANCE}/inbox".replace("{instance_id}", self.instance)
            query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
            headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
            async with self._session.get(self.url + path, params=query, headers=headers) as answer:
                assert answer.status == 200
                page = await answer.json()
            found |= {row["id"] for row in page["events"]}
            if not (cursor := page.get("cursor", "")):
                return found

    async def only_what_was_accepted_is_stored(self) -> None:
        assert len(set(self.accepted)) == len(self.accepted)
        assert await self.stored() == set(self.accepted)


def ids(answer: Mapping[str, Any]) -> Iterable[str]:
    """The ids in the answer of any route that takes events."""
    if "bulk_messages" in answer:
        return [one["notification_id"] for one in answer["bulk_messages"]]
    return (
        answer.get("notification_ids") or [answer["notification_id"]]
        if answer != {"notification_ids": []}
        else []
    )


def judge_refusal(answer: Answer) -> None:
    """The one error body: stable codes, where and what would be right, and nothing of what was sent."""
    told = answer.json
    assert answer.headers["Content-Type"].partition(";")[0] in (
        "application/problem+json",
        "application/json",
    )
    assert told["status"] == told["status_code"] == answer.status
    assert told["type"] == f"urn:tocsin:error:{told['code']}"
    assert told["title"] and told["detail"] and told["problems"]
    assert re.fullmatch(r"[0-9a-f]{16}", told["trace"])
    assert len(told["errors"]) == len(told["problems"]) <= 32
    for problem in told["problems"]:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"]), problem
        assert problem["detail"]
        assert problem.get("pointer", "/").startswith("/"), problem
    assert CANARY not in answer.text
    assert len(answer.text) < 64 * 1024
