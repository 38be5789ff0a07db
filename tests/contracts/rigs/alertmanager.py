"""Alertmanager: what arrives is one alert, held to the rules of its API."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.alertmanager_rules import problems
from tests.fakes.http_sink import Reply


class AlertmanagerRig(HttpRig):
    name = "alertmanager"
    settings: ClassVar[dict[str, Any]] = {"token": "b3arer-s3cret"}
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b"404 page not found"), Reason.MISCONFIGURED),
        "bad_alert": Case(Reply(400, body=b'"bad label"'), Reason.REJECTED),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(), **self.settings}

    @property
    def ids(self) -> list[str]:
        posted = [json.loads(request.body) for request in self.sink.requests]
        return [alert["annotations"]["delivery_id"] for (alert,) in posted]

    def said(self) -> Said:
        posted = json.loads(self.sink.requests[-1].body)
        assert problems(posted) == []
        (alert,) = posted
        texts = [*alert["annotations"].values(), *alert["labels"].values()]
        return Said(alert["annotations"]["summary"], "\n".join(texts))
