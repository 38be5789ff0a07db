"""Slack by incoming webhook or by a bot's token, and every host that takes the same webhooks.

Reference: Slack's pages on incoming webhooks and chat.postMessage, IBM Event Notifications' slack
destinations (facts: destinations 5 and 19, ibm-event-notifications 2). An adapter keeps nothing, so it
cannot know which message began a thread: a thread is one that a subscription names.

    address.py       what a subscription adds      answers.py  what the far end's answers mean
    blocks.py        a message for Slack           attachments.py  a message for compatible hosts
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

import orjson
from pydantic import AfterValidator, Field, SecretStr, model_validator

from adapters.destinations.slack import attachments, blocks
from adapters.destinations.slack.address import SlackAddress
from adapters.destinations.slack.answers import judge_api, judge_compatible, judge_slack, message_id
from gateway.domain.incident import Part
from gateway.spi.destination import DestinationConfig, Endpoint, Pace, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import BODY, Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.rendering import clip, colour, one_line
from gateway.spi.templates import Target, looks_like_json
from gateway.spi.transport import HttpRequest, parse_url
from gateway.spi.url_settings import SecretUrl, ServerUrl, readable_on_the_way
from gateway.spi.wording import Words

SLACK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com", "slack.com", "slack-gov.com"})
PACE = Pace(1, 1.0)
"""One message a second to a webhook or a channel, as Slack publishes it; bursts are let through at times."""

MAX_THREAD_KEY = 300
MAX_MRKDWN = 12_000
TEMPLATED = frozenset({"attachments", "blocks", "text"})
"""What of a post a template may give: the rest says where it goes and in whose name."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,255}\Z")


def _token(secret: SecretStr) -> SecretStr:
    if not _TOKEN.match(secret.get_secret_value()):
        raise ValueError("a token is at most 255 letters, digits and signs, without spaces")
    return secret


class SlackConfig(DestinationConfig):
    """An incoming webhook, whose whole URL is a secret as whoever knows it can post; or a bot's token."""

    type: Literal["incoming_webhook", "direct_message"] = Field(
        "incoming_webhook",
        title="Type",
        description="IBM's words: incoming_webhook with a url, direct_message with a bot's token.",
    )
    url: SecretUrl | None = Field(
        None,
        title="Webhook URL",
        description="URL of the incoming webhook, of Slack or of a compatible host.",
    )
    token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        None, title="Token", description="The bot's token, xoxb-..., with the scope chat:write."
    )
    format: Literal["auto", "blocks", "attachments"] = Field(
        "auto",
        title="Format",
        description="blocks for Slack, attachments for hosts without blocks; auto goes by the host.",
    )
    api_url: ServerUrl = Field(
        "https://slack.com/api", title="API", description="Where the bot's messages go; GovSlack has its own."
    )

    @model_validator(mode="before")
    @classmethod
    def _type_by_what_is_given(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("token") and not given.get("url"):
            return {"type": "direct_message", **given}
        return given

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.type == "incoming_webhook" and (self.url is None or self.token is not None):
            raise ValueError("an incoming_webhook has a url and no token")
        if self.type == "direct_message" and (self.token is None or self.url is not None):
            raise ValueError("a direct_message has a token and no url")
        return self

    @property
    def target(self) -> str:
        """The URL that messages are posted to. Handle like a secret."""
        return self.url.get_secret_value() if self.url else f"{self.api_url}/chat.postMessage"

    def shown(self) -> dict[str, Any]:
        """See DestinationConfig; as IBM shows it, without what is not set."""
        return {name: value for name, value in super().shown().items() if value is not None}

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.target)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """See DestinationConfig: of the two URLs the one that is used."""
        url = parse_url(self.target)
        return (Endpoint(url.host, url.port),)


class Slack(HttpDestination[SlackConfig, SlackAddress]):
    """Posts one message per delivery."""

    kind: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    summary: ClassVar[str] = "Messages to a channel of Slack or of a compatible chat."
    threads: ClassVar[bool] = True
    Config = SlackConfig
    Address = SlackAddress

    def __init__(self, config: SlackConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(config.target)
        self._is_slack = self._target.host in SLACK_HOSTS
        with_blocks = config.format == "blocks" or (
            config.format == "auto" and (self._is_slack or config.token is not None)
        )
        self._content = blocks.content if with_blocks else attachments.content

    @classmethod
    def recipients(cls, address: SlackAddress) -> tuple[str, ...]:
        """See Destination."""
        return address.recipients

    @classmethod
    def wording(cls, name: str, text: str) -> Words | None:
        """See Destination. A body is the JSON of a post (IBM's templates are), or a text in mrkdwn."""
        if name != "body":
            return None
        return Words(BODY, Target.SLACK_JSON if looks_like_json(text) else Target.SLACK)

    @property
    def pace(self) -> Pace | None:
        """Slack's own, for Slack's own hosts."""
        return PACE if self._is_slack else None

    async def deliver(self, message: Message, address: SlackAddress) -> Receipt:
        """See Destination. Slack knows no idempotency key: a try after an ambiguous one may show twice."""
        post = self._post(message, address)
        if self.config.token is not None:
            return await self._by_token(post, message, self.config.token)
        judge = judge_slack if self._is_slack else judge_compatible
        return await self.exchange(self._request(post), judge=judge)

    def _post(self, message: Message, address: SlackAddress) -> dict[str, Any]:
        channel = message.recipient or address.channel
        places = {"channel": channel, **self._thread(message, address)}
        content = _templated(message) or self._content(message, address.attachment_color or colour(message))
        return {name: value for name, value in places.items() if value} | content

    def _thread(self, message: Message, address: SlackAddress) -> dict[str, Any]:
        """Below which message of Slack's: the one that the subscription names, else the incident's first. How
        it ends is said in the channel too. A webhook does not tell which message it made: no threads."""
        if address.thread_ts or self.config.token is None or message.thread is None:
            return {"thread_ts": address.thread_ts}
        _, _, first = message.thread.answer.rpartition("/")
        if not first or message.chapter is None:
            return {}
        aloud = message.chapter.part in (Part.RECOVERY, Part.REMINDER)
        return {"thread_ts": first, "reply_broadcast": aloud}

    async def _by_token(self, post: dict[str, Any], message: Message, token: SecretStr) -> Receipt:
        if "channel" not in post:
            detail = "no channel: name one in the subscription's channel or channels"
            raise DeliveryFailed(Reason.MISCONFIGURED, detail)
        post |= {"unfurl_links": False, "unfurl_media": False, "metadata": _metadata(message)}
        request = self._request(post, ("authorization", f"Bearer {token.get_secret_value()}"))
        return await self.exchange(request, judge=judge_api, vendor_id=message_id)

    def _request(self, post: dict[str, Any], *headers: tuple[str, str]) -> HttpRequest:
        typed = ("content-type", "application/json; charset=utf-8")
        return HttpRequest("POST", self._target, (typed, *headers), orjson.dumps(post), self.timeout)


def _templated(message: Message) -> dict[str, Any]:
    """What a template made of the message: a post, its blocks alone, or a text; {} where there is none."""
    made = message.templated.get(BODY, "").strip()
    if not made:
        return {}
    whole = orjson.loads(made) if made[0] in "{[" and made[-1] in "}]" else clip(made, MAX_MRKDWN)
    if isinstance(whole, dict):
        return {name: value for name, value in whole.items() if name in TEMPLATED}
    return {"blocks": whole} if isinstance(whole, list) else {"text": whole}


def _metadata(message: Message) -> dict[str, Any]:
    """What programs in the workspace may read of a message: its id, and what it has in common with others."""
    payload = {
        "delivery_id": message.dedup_key,
        "thread_key": one_line(message.thread_key, MAX_THREAD_KEY),
        "resolves": message.resolves,
    }
    return {"event_type": "backup_event", "event_payload": payload}
