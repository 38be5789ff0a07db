"""IBM's own Python SDK, unmodified, pointed at a gateway: what a program that talks to IBM would see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from ibm_cloud_sdk_core import ApiException, DetailedResponse
from ibm_cloud_sdk_core.authenticators import Authenticator
from ibm_eventnotifications.event_notifications_v1 import EventNotificationsV1, NotificationCreate

Model = TypeVar("Model")

BASE = "/event-notifications"
"""What stands behind the host in the SDK's own default URL."""


class Sdk:
    """The SDK blocks, so every operation runs in a thread, beside the receivers of the test."""

    def __init__(self, url: str, authenticator: Authenticator, instance: str = "default") -> None:
        self.client = EventNotificationsV1(authenticator=authenticator)
        self.client.set_service_url(url + BASE)
        self.instance = instance

    def close(self) -> None:
        self.client.get_http_client().close()

    async def call(self, operation: str, *args: Any, **kwargs: Any) -> DetailedResponse:
        """One operation of the SDK in this instance."""
        return await asyncio.to_thread(getattr(self.client, operation), self.instance, *args, **kwargs)

    async def answer(
        self, status: int, model: type[Model], operation: str, *args: Any, **kwargs: Any
    ) -> Model:
        """Call it; fail the test unless the status fits and the SDK's model takes the answer."""
        answered = await self.call(operation, *args, **kwargs)
        assert answered.get_status_code() == status
        result = answered.get_result()
        assert isinstance(result, dict), result
        for inside in _objects(result):
            assert None not in inside.values(), inside
            if "description" in inside:
                assert {"created_at", "updated_at"} <= set(inside), inside
        return model.from_dict(result)  # type: ignore[attr-defined]

    async def removed(self, operation: str, *args: Any) -> None:
        """Delete something; the answer has no body."""
        answered = await self.call(operation, *args)
        assert (answered.get_status_code(), answered.get_result()) == (204, None)

    async def refused(self, status: int, code: str, operation: str, *args: Any, **kwargs: Any) -> str:
        """Call what must not work; return the message as the SDK tells it."""
        with pytest.raises(ApiException) as caught:
            await self.call(operation, *args, **kwargs)
        error = caught.value
        body = error.http_response.json()
        assert (error.status_code, body["errors"][0]["code"], body["status_code"]) == (
            status,
            code,
            status,
        ), body
        assert error.http_response.headers["content-type"] == "application/json"
        assert error.message == body["errors"][0]["message"] and body["trace"] == error.global_transaction_id
        return str(error.message)

    async def all_rows(self, pager: type, **options: Any) -> list[dict[str, Any]]:
        """Every row that one of the SDK's pagers finds."""
        found = pager(client=self.client, instance_id=self.instance, **options)
        return list(await asyncio.to_thread(found.get_all))


def notification(source_id: str, id: str, **more: Any) -> NotificationCreate:
    """A notification with what the SDK's model demands."""
    wanted: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": "crn:v1:bluemix:public:is:us-south:a/1::backup-policy:",
        "type": "com.example.backup.failed",
        "ibmensourceid": source_id,
        "ibmendefaultshort": "Backup failed",
        "ibmendefaultlong": "The backup of volume 7 failed.",
    }
    return NotificationCreate(**{**wanted, **more})


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inside in value if isinstance(value, list) else ():
        yield from _objects(inside)
