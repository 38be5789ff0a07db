"""The bucket, when settings are saved: looked for, and made where that is asked, by influxdb-client.

The client brings a session of aiohttp; in its place it gets one over the gateway's guarded HTTP client, so
that it opens no socket by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from adapters.destinations.influxdb.answers import json_of, judge, knows_no_path
from adapters.destinations.influxdb.library import module
from adapters.destinations.influxdb.settings import InfluxConfig, Server
from gateway.domain.errors import TocsinError
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer, HttpRequest, parse_url

_KEPT_HEADERS = frozenset({"accept", "content-type"})
_NO_BUCKET_API = frozenset({400, 404, 405, 501})
_EXISTS = 422
"""What making a bucket is answered with that somebody else made meanwhile."""


async def look_after_bucket(config: InfluxConfig, tools: Tools, timeout: float) -> Server:
    """Check the bucket, or make it; return what kind of server answered. `timeout` is in seconds, a request.

    A server without a bucket API is only asked whether it takes points: InfluxDB 1.8 and 3. Raises
    DeliveryFailed: misconfigured for a bucket that is not there, and what `judge` makes of other answers.
    """
    client = await _client(config, tools, timeout)
    try:
        if not await _is_there(client, config):
            await _make_or_refuse(client, config)
    except Unsuccessful as refused:
        if knows_no_path(refused.answer):
            return "victoriametrics"
        if not _lacks_bucket_api(refused.answer):
            raise refused.failure from None
        await _probe(config, tools, timeout)
    finally:
        await client.close()
    return "influxdb"


async def _probe(config: InfluxConfig, tools: Tools, timeout: float) -> None:
    """Write nothing, to see whether points can be written at all: 404 for no such API or database."""
    headers = (("content-type", "text/plain; charset=utf-8"), *config.login)
    answer = await tools.http.send(HttpRequest("POST", config.write_url, headers, b"", timeout))
    failure = judge(answer, tools.clock.now())
    if failure is not None and answer.status in (401, 403, 404):
        raise failure


def _lacks_bucket_api(answer: HttpAnswer) -> bool:
    """Version 2 says `code` in every refusal; a server without that API has only its web server's page."""
    return answer.status in _NO_BUCKET_API and "code" not in json_of(answer)


async def _is_there(client: Any, config: InfluxConfig) -> bool:
    service = (await module("service.buckets_service")).BucketsService(client.api_client)
    where = {"org": config.org} if config.org else {}
    try:
        buckets = await _asked("buckets", service.get_buckets_async(name=config.bucket, **where))
    except Unsuccessful as refused:
        if refused.answer.status == 404 and not _lacks_bucket_api(refused.answer):
            return False
        raise
    return any(bucket.name == config.bucket for bucket in buckets)


async def _make_or_refuse(client: Any, config: InfluxConfig) -> None:
    if config.bucket_setup != "create":
        raise DeliveryFailed(
            Reason.MISCONFIGURED,
            f"the bucket {config.bucket!r} is not there, or the token may not read it; bucket_setup `create` "
            "makes it, `leave` does not look",
        )
    try:
        await _make(client, config)
    except Unsuccessful as refused:
        if refused.answer.status != _EXISTS:
            raise refused.failure from None


async def _make(client: Any, config: InfluxConfig) -> None:
    """A bucket that keeps points for ever."""
    organizations = (await module("service.organizations_service")).OrganizationsService(client.api_client)
    where = {"org": config.org} if config.org else {}
    found = await _asked("orgs", organizations.get_orgs_async(**where))
    if not found:
        raise DeliveryFailed(Reason.MISCONFIGURED, f"there is no organisation {config.org!r}")
    buckets = (await module("service.buckets_service")).BucketsService(client.api_client)
    request = (await module("domain.post_bucket_request")).PostBucketRequest(
        org_id=found[0].id, name=config.bucket, retention_rules=[]
    )
    await _asked("name", buckets.post_buckets_async(post_bucket_request=request))


async def _asked(member: str, call: Awaitable[Any]) -> Any:
    """One member of the model that the client makes of an answer."""
    try:
        return getattr(await call, member) or ()
    except (Unsuccessful, DeliveryFailed):
        raise
    except Exception as error:  # the client's generated code breaks in many ways on a strange answer
        detail = "the server's answer is none of InfluxDB's"
        raise DeliveryFailed(Reason.MISCONFIGURED, detail) from error


async def _client(config: InfluxConfig, tools: Tools, timeout: float) -> Any:
    guarded = {"tools": tools, "login": config.login, "seconds": timeout}
    return (await module("client.influxdb_client_async")).InfluxDBClientAsync(
        config.url,
        ssl_context=tools.tls,  # unused, but the client would read the machine's certificates for one
        client_session_type=GuardedSession,
        client_session_kwargs=guarded,
    )


class Unsuccessful(TocsinError):
    """An answer that is no success; raised through the client, which then makes nothing of it."""

    def __init__(self, answer: HttpAnswer, failure: DeliveryFailed) -> None:
        self.answer, self.failure = answer, failure
        super().__init__(failure.detail)


class GuardedSession:
    """What the client uses of an aiohttp.ClientSession, over the gateway's guarded HTTP client."""

    def __init__(
        self, *, connector: Any, tools: Tools, login: tuple[tuple[str, str], ...], seconds: float, **_: Any
    ) -> None:
        self._connector = connector  # never used; the client makes it and leaves closing it to its session
        self._send, self._now = tools.http.send, tools.clock.now
        self._login, self._seconds = login, seconds

    async def request(
        self, *, method: str, url: str, headers: Mapping[str, str], data: str | None = None, **_: Any
    ) -> GuardedAnswer:
        """One request. Raises DeliveryFailed without an answer, Unsuccessful for one that is no success."""
        kept = [(name, value) for name, value in headers.items() if name.lower() in _KEPT_HEADERS]
        body = data.encode() if data else b""
        request = HttpRequest(method, parse_url(url), [*kept, *self._login], body, self._seconds)
        answer = await self._send(request)
        failure = judge(answer, self._now())
        if failure is not None:
            raise Unsuccessful(answer, failure)
        return GuardedAnswer(answer)

    async def close(self) -> None:
        await self._connector.close()


class GuardedAnswer:
    """What the client uses of an aiohttp.ClientResponse."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.status, self.reason, self.headers = answer.status, answer.reason, answer.headers
        self._body = answer.body

    async def read(self) -> bytes:
        return self._body
