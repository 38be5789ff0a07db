"""Which templates word the messages of a subscription: compiled once, by what they make of a message.

What a text of a template makes of a message, and in which syntax it is written, is the kind's to say
(`Destination.wording`). IBM's types for kinds that are not installed are taken by the look of their text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import structlog

from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.ids import SubscriptionId, TemplateId
from gateway.domain.template import Template as Configured
from gateway.spi.discovery import destinations
from gateway.spi.message import BODY, Message
from gateway.spi.templates import Target, Template, compile_template, looks_like_json
from gateway.spi.wording import Words, worded
from schemas.templates import presets

log = structlog.get_logger()

IBM_TYPES = (
    "smtp_custom.notification",
    "smtp_custom.invitation",
    "webhook.notification",
    "slack.notification",
    "pagerduty.notification",
    "event_streams.notification",
    "ibmceapp.notification",
    "app_configuration.notification",
)
NAMES = ("body", "subject", "text", "title")
"""The texts that a template may have."""

MEMBER = "template_id_notification"
"""The member of an address that names the template of its messages."""


class Wording(NamedTuple):
    """The template of a subscription: its name, and its parts by what they make of a message."""

    name: str
    parts: Mapping[str, Template]

    def of(self, message: Message) -> Message:
        """The message in its words."""
        return worded(message, self.parts, f"the template {self.name!r}")


def compile_parts(type: str, texts: Mapping[str, str], format: str = "") -> Mapping[str, Template]:
    """The texts of a template compiled, by the part of a Message that each makes. `type` begins with the kind
    of destination; `format` is what the body writes, '' where its look tells.

    Raises Invalid, its pointers below the text (`/body`).
    """
    if not texts.get("body"):
        raise Invalid("template_part", "a template has a body", pointer="/body", expected="its text")
    kind, made = type.partition(".")[0], dict[str, Template]()
    for name, text in texts.items():
        words = _words(kind, name, text)
        if words.part in made:
            expected = "HTML in the body, or no text beside it"
            raise Invalid("template_part", "the body is that already", pointer=f"/{name}", expected=expected)
        target = Target(format) if format and name == "body" else words.target
        made[words.part] = _compiled_at(name, text, target)
    return made


def fits(type: str, texts: Mapping[str, str], kind: str) -> bool:
    """Whether a template of this type says to that kind what it says to its own."""
    own = type.partition(".")[0]
    try:
        return all(_words(own, name, text) == _words(kind, name, text) for name, text in texts.items())
    except Invalid:
        return False


def _words(kind: str, name: str, text: str) -> Words:
    adapter = destinations().get(kind)
    if adapter is None:
        return Words(BODY, Target.JSON if looks_like_json(text) else Target.TEXT)
    words = adapter.wording(name, text)
    if words is None:
        known = ", ".join(one for one in NAMES if adapter.wording(one, text))
        raise Invalid(
            "template_part", "this kind has no such part", pointer=f"/{name}", expected=f"one of {known}"
        )
    return words


def _compiled_at(name: str, text: str, target: Target) -> Template:
    try:
        return _compiled(text, target)
    except Invalid as refusal:
        raise Invalid.of([one.below(f"/{name}") for one in refusal.problems]) from None


@lru_cache(maxsize=1024)
def _compiled(text: str, target: Target) -> Template:
    return compile_template(text, target)


def wordings(
    subscriptions: Iterable[Subscription], templates: Mapping[TemplateId, Configured]
) -> Mapping[SubscriptionId, Wording]:
    """The wording of each subscription that has one."""
    found = ((one.id, _wording(str(one.address.get(MEMBER) or ""), templates)) for one in subscriptions)
    return {subscription_id: wording for subscription_id, wording in found if wording}


def _wording(template_id: str, templates: Mapping[TemplateId, Configured]) -> Wording | None:
    if not template_id:
        return None
    stored, preset = templates.get(TemplateId(template_id)), presets().get(template_id)
    try:
        if stored is not None:
            return Wording(stored.name, compile_parts(stored.type, stored.parts, stored.format))
        if preset is not None:
            return Wording(preset.name, compile_parts(preset.type, preset.parts))
    except Invalid as error:  # another release let it in: the default form goes out
        log.error("template.uncompilable", template=template_id, code=error.code, detail=error.detail)
    return None
