"""InfluxDB 2 as far as a writer meets it: log-in, organisations, buckets, and writes that are really read.

Answers are those of InfluxDB's API reference and of its page "Troubleshoot issues writing data" (facts:
destinations 14); a field that changes its type is refused, as by the real one.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.http_sink import HttpSink, Received, Reply
from tests.fakes.line_protocol import BadLine, Point, read_point

ORG_ID, BUCKET_ID = "0123456789abcdef", "fedcba9876543210"


class InfluxServer(HttpSink):
    """One organisation with buckets. A reply that was queued, or a `usual` one, goes before its own."""

    def __init__(
        self, *, token: str = "", org: str = "backup", buckets: tuple[str, ...] = ("events",)
    ) -> None:
        super().__init__(_OWN)
        self.token, self.org, self.buckets = token, org, list(buckets)
        self.points: list[Point] = []
        self._types: dict[tuple[str, str], type] = {}

    def reply(self, request: Received) -> Reply:
        told = super().reply(request)
        return self._own(request) if told is _OWN else told

    def restore(self) -> None:
        """Answer by itself again."""
        self.usual = _OWN

    def _own(self, request: Received) -> Reply:
        if self.token and request.headers.get("authorization") != f"Token {self.token}":
            return _refusal(401, "unauthorized", "unauthorized access")
        place = urlsplit(request.target)
        query = dict(parse_qsl(place.query))
        match request.method, place.path:
            case "GET", "/api/v2/buckets":
                return self._list_buckets(query)
            case "POST", "/api/v2/buckets":
                return self._make_bucket(json.loads(request.body))
            case "GET", "/api/v2/orgs":
                known = [{"id": ORG_ID, "name": self.org}] if query.get("org", self.org) == self.org else []
                return _json(200, {"orgs": known}) if known else _refusal(404, "not found", "organization")
            case "POST", "/api/v2/write":
                return self._write(query, request.body)
        return Reply(404, body=b"404 page not found")

    def _list_buckets(self, query: dict[str, str]) -> Reply:
        if query.get("org", self.org) != self.org:
            return _refusal(404, "not found", f'organization name "{query["org"]}" not found')
        if query["name"] not in self.buckets:
            return _refusal(404, "not found", f'bucket "{query["name"]}" not found')
        bucket = {"id": BUCKET_ID, "orgID": ORG_ID, "name": query["name"], "retentionRules": []}
        return _json(200, {"buckets": [bucket]})

    def _make_bucket(self, wanted: dict[str, object]) -> Reply:
        if wanted["orgID"] != ORG_ID:
            return _refusal(404, "not found", "organization not found")
        if wanted["name"] in self.buckets:
            return _refusal(422, "conflict", f"bucket with name {wanted['name']} already exists")
        self.buckets.append(str(wanted["name"]))
        return _json(201, {"id": BUCKET_ID, **wanted})

    def _write(self, query: dict[str, str], body: bytes) -> Reply:
        if query.get("bucket") not in self.buckets:
            return _refusal(404, "not found", f'bucket "{query.get("bucket")}" not found')
        try:
            point = read_point(body.decode())
        except (BadLine, UnicodeDecodeError) as error:
            return _refusal(400, "invalid", f"unable to parse '{error}'")
        for name, value in point.fields.items():
            if self._types.setdefault((point.measurement, name), type(value)) is not type(value):
                conflict = f'failure writing points to database: partial write: field type conflict: "{name}"'
                return _refusal(422, "unprocessable entity", f"{conflict} dropped=1")
        self.points.append(point)
        return Reply(204, body=b"")


_OWN = Reply()


def _json(status: int, body: object) -> Reply:
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode())


def _refusal(status: int, code: str, message: str) -> Reply:
    return _json(status, {"code": code, "message": message})
