"""InfluxDB: each event is one point, over the write API of version 2.

Reference: InfluxDB's pages on the v2 write API, its line protocol and "Troubleshoot issues writing data"
(facts: destinations 14), and VictoriaMetrics' on the same (15). The same API is spoken by InfluxDB 1.8 (a
bucket is `database/policy`, the token `user:password`), 3 (the organisation is ignored) and VictoriaMetrics.

    settings.py  what is set                        answers.py  what the server's answers mean
    point.py     a message as one line              bucket.py   the bucket, when settings are saved
    library.py   loading the influxdb-client package
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.destinations.influxdb.answers import judge
from adapters.destinations.influxdb.bucket import look_after_bucket
from adapters.destinations.influxdb.point import line
from adapters.destinations.influxdb.settings import InfluxAddress, InfluxConfig
from gateway.spi.destination import Tools
from gateway.spi.message import Message
from gateway.spi.outcome import Receipt
from gateway.spi.server import ServerDestination
from gateway.spi.transport import HttpRequest


class InfluxDB(ServerDestination[InfluxConfig, InfluxAddress]):
    """Writes one point per delivery. Every try for the same event writes the same point again."""

    kind: ClassVar[str] = "influxdb"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "InfluxDB"
    summary: ClassVar[str] = "Events as points of a time series, in InfluxDB or VictoriaMetrics."
    Config = InfluxConfig
    Address = InfluxAddress

    def __init__(self, config: InfluxConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = config.write_url
        self._headers = (("content-type", "text/plain; charset=utf-8"), *config.login)

    async def deliver(self, message: Message, address: InfluxAddress) -> Receipt:
        """See Destination."""
        texts = self.config.server == "influxdb"
        body = await line(message, address.measurement, address.tags, address.numbers, texts=texts)
        request = HttpRequest("POST", self._target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=judge)

    async def prepare(self) -> Mapping[str, Any]:
        """See Destination: look after the bucket, and find out what server it is."""
        if self.config.bucket_setup == "leave":
            return {}
        return {"server": await look_after_bucket(self.config, self.tools, self.timeout)}
