"""Telegram by a bot: one message in a chat, group, channel or topic.

Reference: Telegram's Bot API, sendMessage and formatting options (facts: destinations 11). Messages are
HTML, of which only `&`, `<`, `>` and quotes need escaping. A message that Telegram refuses to parse is sent
again as plain text, and one to a group that has become a supergroup is sent there: both within one try,
because the first was refused and nobody has seen it.

    text.py  what is said        answers.py  what Telegram's answers mean
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from adapters.destinations.telegram.answers import description, judge, message_id, parameters
from adapters.destinations.telegram.text import HTML, PLAIN, text
from gateway.domain.severity import Severity
from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Receipt
from gateway.spi.transport import HttpRequest, json_object, parse_url
from gateway.spi.url_settings import ServerUrl, readable_on_the_way

PER_GROUP, PER_CHAT = Pace(20, 60.0), Pace(1, 1.0)
"""What Telegram lets a bot send to one group or channel, and to one person (Bots FAQ)."""

MAX_CORRECTIONS = 2
MAX_MOVED = 1000

ChatId = Annotated[str, StringConstraints(pattern=r"^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})$")]
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{3,100}\Z")


def _token(secret: SecretStr) -> SecretStr:
    if not _TOKEN.match(secret.get_secret_value()):
        raise ValueError("a bot's token is a number, a colon, and letters, digits, - and _")
    return secret


class TelegramConfig(DestinationConfig):
    """A bot and the chat that it writes to."""

    token: Annotated[SecretStr, AfterValidator(_token)] = Field(
        title="Token", description="The bot's token, as @BotFather gave it."
    )
    chat_id: ChatId = Field(
        title="Chat", description="Id of the chat, or @name of a public channel; groups have negative ids."
    )
    base_url: ServerUrl = Field(
        "https://api.telegram.org", title="Server", description="Address of a Bot API server of your own."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.base_url)


class TelegramAddress(SubscriptionAddress):
    """Where in Telegram, and how loud."""

    chat_id: ChatId | Literal[""] = Field(
        "", title="Chat", description="Id or @name of another chat; empty for the destination's."
    )
    message_thread_id: Annotated[int, Field(ge=0, lt=2**53)] = Field(
        0, title="Topic", description="Id of the topic in a group with topics; 0 for none."
    )
    notify: Literal["auto", "always", "never"] = Field(
        "auto", title="Notify", description="Make a sound; auto does from severity warning on."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )


class Telegram(HttpDestination[TelegramConfig, TelegramAddress]):
    """Sends one message per delivery."""

    kind: ClassVar[str] = "telegram"
    title: ClassVar[str] = "Telegram"
    summary: ClassVar[str] = "Messages of a bot to a chat, group, channel or topic of Telegram."
    stability = "unverified"
    threads: ClassVar[bool] = True
    Config = TelegramConfig
    Address = TelegramAddress

    def __init__(self, config: TelegramConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        token = config.token.get_secret_value()
        self._target = parse_url(f"{config.base_url}/bot{token}/sendMessage")
        self._moved: dict[str, str] = {}

    @property
    def pace(self) -> Pace:
        """That of the destination's chat."""
        return PER_CHAT if self.config.chat_id.isdecimal() else PER_GROUP

    async def deliver(self, message: Message, address: TelegramAddress) -> Receipt:
        """See Destination. Telegram knows no idempotency key: a try after an ambiguous one may show twice."""
        began = self.tools.clock.monotonic()
        content = self._content(message, address)
        corrections: list[str] = []
        while True:
            left = self.timeout - (self.tools.clock.monotonic() - began)
            try:
                receipt = await self._say(content, left)
            except DeliveryFailed as refused:
                correction = self._correct(content, message, refused)
                if not correction or len(corrections) >= MAX_CORRECTIONS:
                    raise
                corrections.append(correction)
            else:
                return replace(receipt, detail="; ".join(corrections))

    async def _say(self, content: Mapping[str, Any], timeout: float) -> Receipt:
        headers = (("content-type", "application/json"),)
        request = HttpRequest("POST", self._target, headers, orjson.dumps(content), max(timeout, 0.1))
        return await self.exchange(request, judge=judge, vendor_id=message_id)

    def _content(self, message: Message, address: TelegramAddress) -> dict[str, Any]:
        chat = address.chat_id or self.config.chat_id
        topic = {"message_thread_id": address.message_thread_id} if address.message_thread_id else {}
        return {
            "chat_id": self._moved.get(chat, chat),
            **topic,
            **_reply(message),
            "text": text(message, HTML),
            "parse_mode": "HTML",
            "disable_notification": _silent(message, address),
            "link_preview_options": {"is_disabled": True},
        }

    def _correct(self, content: dict[str, Any], message: Message, refused: DeliveryFailed) -> str:
        """Change what Telegram refused so that it may take it; what was changed, '' if there is nothing."""
        answer = json_object(refused.excerpt)
        if "parse_mode" in content and "can't parse entities" in description(answer).lower():
            del content["parse_mode"]
            content["text"] = text(message, PLAIN)
            return "sent as plain text, because Telegram could not read the HTML"
        moved = parameters(answer).get("migrate_to_chat_id")
        if isinstance(moved, int) and content["chat_id"] != str(moved):
            if len(self._moved) >= MAX_MOVED:
                self._moved.clear()
            self._moved[content["chat_id"]] = content["chat_id"] = str(moved)
            return f"the group is a supergroup now; set chat_id to {moved}"
        return ""


def _reply(message: Message) -> dict[str, Any]:
    """Below the first message of the incident, as long as that is there."""
    if message.thread is None or not message.thread.answer.isdecimal():
        return {}
    first = int(message.thread.answer)
    return {"reply_parameters": {"message_id": first, "allow_sending_without_reply": True}}


def _silent(message: Message, address: TelegramAddress) -> bool:
    if address.notify == "auto":
        return message.severity < Severity.WARNING
    return address.notify == "never"
