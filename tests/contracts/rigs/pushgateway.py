"""Pushgateway: what arrives is a group's labels in the path, and gauges that Prometheus' own parser reads.

A Pushgateway is told no texts by itself, so the subscription of this rig makes labels of title and summary.
"""

from __future__ import annotations

from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.exposition import gauges_of, grouping_of
from tests.fakes.http_sink import Reply


class PushgatewayRig(HttpRig):
    name = "pushgateway"
    settings: ClassVar[dict[str, Any]] = {"user": "ops", "password": "p4ss-s3cret"}
    address: ClassVar[dict[str, Any]] = {
        "labels": {"title": "{{event.title}}", "summary": "{{event.summary}}"}
    }
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b"404 page not found"), Reason.MISCONFIGURED),
        "inconsistent": Case(Reply(400, body=b"pushed metrics are invalid or inconsistent"), Reason.REJECTED),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(), **self.settings}

    @property
    def ids(self) -> list[str]:
        # What is the same on each try is the group and what is pushed to it.
        return [f"{request.target} {request.body.decode()}" for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert gauges_of(request.body.decode())
        labels = grouping_of(request.target)
        return Said(labels.get("title", ""), "\n".join(labels.values()))
