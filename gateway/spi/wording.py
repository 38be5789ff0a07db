"""A message in the words of a template: which parts it gives, and what is said when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from gateway.spi.message import Message
from gateway.spi.templates import (
    RenderFailed,
    Target,
    Template,
    TemplateInvalid,
    compile_template,
    context_of,
)

UNSUBSCRIBE = "ibmen_unsubscription"
"""The name by which IBM's templates of mails have the link to unsubscribe (en-email-templates.md)."""


class Words(NamedTuple):
    """What a text of a template makes: a part of a Message, written for this target."""

    part: str
    target: Target


def compiled(text: str, target: Target) -> Template:
    """A template out of a setting, as pydantic wants its refusal. Raises ValueError."""
    try:
        return compile_template(text, target)
    except TemplateInvalid as error:
        (problem,) = error.problems
        expected = f"; expected {problem.expected}" if problem.expected else ""
        raise ValueError(f"{problem.detail}{expected}") from None


def worded(message: Message, parts: Mapping[str, Template], name: str) -> Message:
    """The message with the parts that these templates make of it; as it is, with a note for the attempt,
    where one of them fails: it goes out in any case."""
    context = context_of(
        message, extra={UNSUBSCRIBE: message.unsubscribe_url} if message.unsubscribe_url else {}
    )
    try:
        made = {part: template.render(context) for part, template in parts.items()}
    except RenderFailed as failure:
        return replace(message, note=f"{name} failed, the default form was sent: {failure.detail}")
    return replace(message, templated={**message.templated, **made})
