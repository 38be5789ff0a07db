"""A format of another package, found by its entry point; it returns events of the CloudEvents SDK."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.http_sink import HttpSink
from tests.harness import GatewayProcess
from tests.waiting import until

PACKAGE = """
import json
from cloudevents.core.v1.event import CloudEvent
from gateway.domain.errors import Malformed
from gateway.spi.source_format import SourceFormat


class Vault9(SourceFormat):
    name = "vault9"
    title = "Vault 9"
    summary = "Of a package of its own."
    schema = "sources/json"
    snippet = "curl $url -H 'Authorization: Bearer $key'"

    def parse(self, body, headers, source):
        try:
            told = json.loads(body)
        except ValueError:
            raise Malformed("json_malformed", "no JSON", expected="JSON") from None
        attributes = {"id": told["run"], "source": "/vault9", "type": told["what"], "specversion": "1.0"}
        return [CloudEvent(attributes | {"datacontenttype": "application/json", "severity": "error"}, told)]
"""


async def test_a_format_found_by_entry_point_may_return_events_of_the_sdk(tmp_path: Path, sink: HttpSink):
    site = tmp_path / "site"
    (site / "vault9-1.0.dist-info").mkdir(parents=True)
    (site / "vault9_tocsin.py").write_text(PACKAGE)
    (site / "vault9-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: vault9\nVersion: 1.0\n"
    )
    (site / "vault9-1.0.dist-info" / "entry_points.txt").write_text(
        "[tocsin.sources]\nvault9 = vault9_tocsin\n"
    )
    gateway = GatewayProcess(tmp_path)
    try:
        await gateway.start(PYTHONPATH=str(site))
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"), format="vault9", rule="severity = error")
            path = f"sources/{route['source']}/events"
            assert route["registered"]["setup"]["snippet"].startswith("curl http://")
            body = b'{"run": "7", "what": "backup.failed", "title": "No space"}'
            assert (await client.call("POST", path, body))[0] == 200
            assert (await client.call("POST", path, b"{"))[0] == 400
            await until(lambda: len(sink.requests) == 1)
            event = json.loads(sink.requests[0].body)
            assert (event["id"], event["type"], event["data"]) == ("7", "backup.failed", json.loads(body))
            listed = (await client.get("inbox"))["events"][0]["vocabulary"]
            assert listed == {"severity": "error", "outcome": "failed", "title": "No space"}
    finally:
        gateway.close()
