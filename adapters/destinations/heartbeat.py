"""Heartbeat: a ping to a monitor that raises the alarm when none comes, such as Healthchecks or Uptime Kuma.

Reference: Healthchecks' page on its pinging API (facts: destinations 43), Uptime Kuma's push monitor,
`/api/push/{token}?status=up|down&msg=`. Every event that is delivered is a ping; what ended badly says so
where the monitor can be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qsl, quote, urlencode
from uuid import NAMESPACE_URL, uuid5

from pydantic import AfterValidator, Field, SecretStr

from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination, refusal
from gateway.spi.masking import Masking
from gateway.spi.message import Message, MessageState
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.plain_text import fact_lines, fitted, short_links, size
from gateway.spi.rendering import clip, headline, text_block
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_BODY = 10_000
"""Bytes of text in a body; Healthchecks keeps as many (`Ping-Body-Limit` may say that it keeps more)."""

MAX_TITLE = 250
MAX_MESSAGE = 1000
"""Characters of the first line, and bytes of `msg` as it stands in the URL."""

EXIT_STATUSES = ("exit_status", "exit_code")
"""Members of an event's data that hold the exit status of a job, 0 to 255."""

_GIVEN_BY_US = frozenset({"status", "msg", "ping"})
_OTHERS = {"OK (not found)": Reason.MISCONFIGURED, "OK (rate limited)": Reason.THROTTLED}
"""What older Healthchecks answers with 200 though it counted no ping."""

PAUSE_SECONDS = 60.0
HEALTHCHECKS_PACE = Pace(5, PAUSE_SECONDS)
"""Healthchecks may refuse more than five pings a minute."""

SHORTEST_TOKEN = 8


def _url(secret: SecretStr) -> SecretStr:
    parse_url(secret.get_secret_value())
    return secret


class HeartbeatConfig(DestinationConfig):
    """A monitor. Whoever knows its URL can ping it, so the whole of it is a secret."""

    url: Annotated[SecretStr, AfterValidator(_url)] = Field(
        title="Ping URL", description="URL to ping, as the monitor shows it."
    )
    monitor: Literal["plain", "healthchecks", "uptime_kuma"] = Field(
        "plain",
        title="Monitor",
        description="What a problem is told by: plain by nothing, healthchecks by /fail, uptime_kuma by "
        "status=down.",
    )
    verb: Literal["auto", "get", "head", "post"] = Field(
        "auto", title="Method", description="HTTP method; auto is post for healthchecks, else get."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url.get_secret_value(), "pings and the monitor's URL")


class HeartbeatAddress(SubscriptionAddress):
    """What a ping tells."""

    signal: Literal["outcome", "exit_status", "alive"] = Field(
        "outcome",
        title="Signal",
        description="outcome tells problems and starts; exit_status tells healthchecks the job's exit "
        "status; alive says with every event that all is well.",
    )
    add_text: bool = Field(
        True,
        title="Add text",
        description="Tell title and text too: in the body of a post, or as msg of uptime_kuma.",
    )


class Heartbeat(HttpDestination[HeartbeatConfig, HeartbeatAddress]):
    """Sends one ping per delivery."""

    kind: ClassVar[str] = "heartbeat"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "Heartbeat"
    summary: ClassVar[str] = "Pings for a monitor that raises the alarm when none comes."
    Config = HeartbeatConfig
    Address = HeartbeatAddress

    def __init__(self, config: HeartbeatConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        url = config.url.get_secret_value()
        self._base = parse_url(url)
        self._path, _, self._query = self._base.target.partition("?")
        self._masking = Masking(_secrets(url, self._path.rstrip("/")))
        auto = "post" if config.monitor == "healthchecks" else "get"
        self._method = (auto if config.verb == "auto" else config.verb).upper()

    @property
    def pace(self) -> Pace | None:
        """See Destination."""
        return HEALTHCHECKS_PACE if self.config.monitor == "healthchecks" else None

    async def deliver(self, message: Message, address: HeartbeatAddress) -> Receipt:
        """See Destination. What is kept of a ping is its first line too, because that may be all of it."""
        target = self._target(message, address)
        body = b""
        if self._method == "POST" and address.add_text and self.config.monitor != "uptime_kuma":
            body = text(message).encode("utf-8", "replace")
        headers = [("content-type", "text/plain; charset=utf-8")] if body else []
        request = HttpRequest(self._method, replace(self._base, target=target), headers, body, self.timeout)
        told = f"{self._method} {target}\n{headline(message, MAX_TITLE)}\n".encode("utf-8", "replace")
        return await self.exchange(request, sent=body or told, judge=_judge)

    def _target(self, message: Message, address: HeartbeatAddress) -> str:
        if self.config.monitor == "healthchecks":
            return self._healthchecks(message, address)
        if self.config.monitor == "uptime_kuma":
            return self._uptime_kuma(message, address)
        return self._base.target

    def _healthchecks(self, message: Message, address: HeartbeatAddress) -> str:
        path, query = self._path.rstrip("/") + _suffix(message, address) or "/", [self._query]
        if message.vocabulary.task_id and address.signal != "alive":
            query.append(f"rid={run_id(message)}")
        return "?".join(filter(None, (path, "&".join(filter(None, query)))))

    def _uptime_kuma(self, message: Message, address: HeartbeatAddress) -> str:
        down = address.signal != "alive" and message.state is MessageState.PROBLEM
        kept = [pair for pair in parse_qsl(self._query) if pair[0] not in _GIVEN_BY_US]
        said = quote_within(headline(message, MAX_TITLE), MAX_MESSAGE) if address.add_text else "OK"
        query = [urlencode(kept), f"status={'down' if down else 'up'}", f"msg={said}", "ping="]
        return f"{self._path}?{'&'.join(filter(None, query))}"


def _secrets(url: str, path: str) -> Iterator[str]:
    """What tells where the monitor is: pings go to paths below it, and errors name its last part."""
    last = path.rpartition("/")[2]
    yield from (url, url.partition("?")[0], path)
    if len(last) >= SHORTEST_TOKEN:
        yield last


def _suffix(message: Message, address: HeartbeatAddress) -> str:
    """What follows the path for Healthchecks; '' says that all is well."""
    if address.signal == "alive":
        return ""
    if message.vocabulary.outcome is Outcome.STARTED:
        return "/start"
    if address.signal == "exit_status":
        return f"/{exit_status(message)}"
    return "/fail" if message.state is MessageState.PROBLEM else ""


def exit_status(message: Message) -> int:
    """The job's own where the event's data has it; at least 1 for a problem, 0 for anything else."""
    data = message.payload if isinstance(message.payload, dict) else {}
    least = int(message.state is MessageState.PROBLEM)
    for name in EXIT_STATUSES:
        given = data.get(name)
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 255:
            return max(given, least)
    return least


def run_id(message: Message) -> str:
    """What start and end of one run have in common: a UUID, as Healthchecks wants it."""
    return str(uuid5(NAMESPACE_URL, f"{message.accepted.source_id}|{message.vocabulary.task_id}"))


def text(message: Message) -> str:
    """The message as the log of a ping."""
    title = headline(message, MAX_TITLE)
    links = [f"{label}: {url}" for label, url in short_links(message)]
    summary = text_block(message.summary, MAX_BODY).strip()
    return f"{title}\n\n{fitted(summary, fact_lines(message), links, MAX_BODY - size(title) - 3)}\n"


def quote_within(line: str, limit: int) -> str:
    """A line percent-encoded in at most `limit` bytes, cut between two characters."""
    kept = len(line)
    while len(quote(clip(line, kept, "…"), safe="")) > limit:
        kept -= 1
    return quote(clip(line, kept, "…"), safe="")


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """A success is none where the monitor says so; a monitor that is not there is a wrong URL."""
    failure, said = failure_of(answer, now), answer.text.strip()
    if failure is None and said in _OTHERS:
        reason = _OTHERS[said]
        return refusal(
            answer, reason, said, retry_after=PAUSE_SECONDS if reason is Reason.THROTTLED else None
        )
    if answer.members.get("ok") is False and answer.status in (200, 404):
        return refusal(answer, Reason.MISCONFIGURED, answer.members.get("msg"))
    if answer.status == 404:
        return refusal(answer, Reason.MISCONFIGURED, "the monitor is not there; is the URL right?")
    if answer.status == 409:
        return refusal(answer, Reason.MISCONFIGURED, "more than one check has this name")
    if failure is not None and failure.reason is Reason.THROTTLED:
        return refusal(answer, Reason.THROTTLED, retry_after=failure.retry_after or PAUSE_SECONDS)
    return failure
