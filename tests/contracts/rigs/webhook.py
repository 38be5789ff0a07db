"""The webhook: what arrives is a CloudEvent."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.cloudevents import structured
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Said


class WebhookRig(HttpRig):
    name = "webhook"
    settings: ClassVar[dict[str, Any]] = {
        "custom_headers": {"Authorization": "Bearer t0p-s3cret-token", "X-Team": "ops"},
        "sensitive_headers": ["authorization"],
    }
    path = "/hook?access_token=qu3ry-s3cret"

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), **self.settings}

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.sink.requests]

    def said(self) -> Said:
        event = structured.decode(self.sink.requests[-1].body)
        texts = json.loads(event.data) if event.data else {}
        return Said(" ".join(texts.get("title", "").split()), texts.get("summary", ""))
