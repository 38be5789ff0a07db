"""The parts of a template by the kind of destination that it is for, and the syntax that each one writes.

A mail has a subject, and a body that is HTML or, if it looks like none, plain text; `text` beside an HTML
body is what readers see that show no HTML. A chat has a body in its own markup. A body that looks like
JSON is JSON for every other kind: IBM's templates for webhooks, Slack (Block Kit) and PagerDuty are
(en-templates.md, en-slack-notification-template.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from gateway.domain.errors import Invalid
from gateway.spi.templates.target import Target
from gateway.spi.templates.template import Template, compile_template

MAILS = frozenset({"email", "smtp_custom", "smtp_ibm"})
MARKUP: Mapping[str, Target] = {
    "slack": Target.SLACK,
    "telegram": Target.TELEGRAM,
    "discord": Target.MARKDOWN,
    "gotify": Target.MARKDOWN,
    "msteams": Target.MARKDOWN,
    "ntfy": Target.MARKDOWN,
}
"""What a chat's body is written in, unless it is JSON; plain text for kinds that are not here."""
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

_MARKUP = re.compile(r"<(?:!doctype|!--|[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)


def compile_parts(type: str, parts: Mapping[str, str], format: str = "") -> Mapping[str, Template]:
    """Every part of a template compiled, by what it makes: `subject`, `html` and `text` for mail, `title` and
    `body` for all else. Raises Invalid, its pointers below the part (`/body`)."""
    kind = type.partition(".")[0]
    _check_names(parts, ("subject", "body", "text") if kind in MAILS else ("title", "body"))
    body = Target(format) if format else _target_of(kind, parts["body"])
    made = {name: _part(name, text, body) for name, text in parts.items()}
    return _as_mail(made) if kind in MAILS else made


def _check_names(parts: Mapping[str, str], known: tuple[str, ...]) -> None:
    if unknown := next((name for name in parts if name not in known), None):
        expected = f"one of {', '.join(known)}"
        raise Invalid("template_part", "this kind has no such part", pointer=f"/{unknown}", expected=expected)
    if not parts.get("body"):
        raise Invalid("template_part", "a template has a body", pointer="/body", expected="its text")


def _target_of(kind: str, body: str) -> Target:
    if kind in MAILS:
        return Target.HTML if _MARKUP.search(body) else Target.TEXT
    return Target.JSON if looks_like_json(body) else MARKUP.get(kind, Target.TEXT)


def looks_like_json(text: str) -> bool:
    """Whether the first thing that it writes is a bracket of JSON."""
    at, size = 0, len(text)
    while at < size:
        if text[at].isspace():
            at += 1
        elif text.startswith("{{", at):
            end = text.find("}}", at)
            at = end + (3 if text.startswith("{{{", at) else 2) if end >= 0 else size
        else:
            return text[at] in "{["
    return False


def _part(name: str, text: str, body: Target) -> Template:
    targets = {"subject": Target.LINE, "title": Target.LINE, "text": Target.TEXT}
    try:
        return _compiled(text, targets.get(name, body))
    except Invalid as refusal:
        raise Invalid.of([one.below(f"/{name}") for one in refusal.problems]) from None


@lru_cache(maxsize=1024)
def _compiled(text: str, target: Target) -> Template:
    return compile_template(text, target)


def _as_mail(made: dict[str, Template]) -> Mapping[str, Template]:
    body = made.pop("body")
    if body.target is Target.HTML:
        return {**made, "html": body}
    if "text" in made:
        expected = "HTML in the body, or no text beside it"
        raise Invalid("template_part", "the body is plain text already", pointer="/text", expected=expected)
    return {**made, "text": body}
