"""Bodies of templates. IBM's `params` carry the body in base64; what is ours beside it is plain text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, StrictGiven, timestamp
from gateway.domain.errors import Invalid
from gateway.domain.template import Template
from gateway.spi.templates.target import Target
from schemas.templates import Preset

LONGEST_BODY = 120_000
"""Characters of base64: 20,000 of text with four bytes each, and line breaks."""


class TemplateParams(Given):
    """The parts of a template (IBM EN: TemplateConfigOneOf)."""

    body: str = Field(max_length=LONGEST_BODY, description="The body, base64 of UTF-8 text.")
    subject: str | None = Field(None, max_length=20_000, description="Mail: the subject, as it is.")
    text: str | None = Field(
        None, max_length=20_000, description="Mail: plain text beside an HTML body, as it is."
    )
    title: str | None = Field(None, max_length=20_000, description="Chats: the title, as it is.")
    format: Target | None = Field(
        None, strict=False, description="What the body writes; told by its look, unless said."
    )


class TemplateCreate(Given):
    """Create a template (IBM EN: create_template)."""

    name: Name
    type: str = Field(max_length=255, description="Kind of destination and purpose: `slack.notification`.")
    params: TemplateParams
    description: Description = ""


class TemplateReplace(Given):
    """Change a template (IBM EN: replace_template); `params` replace all parts."""

    name: Name | None = None
    type: str | None = Field(None, max_length=255)
    params: TemplateParams | None = None
    description: Description | None = None


class TemplatePreview(StrictGiven):
    """Try a template on an event, and send nothing.

    The template is one that is stored, a preset, or one that is not saved yet (`type` and `params`); the
    event one that was received, a pasted CloudEvent, or, if none is named, a sample.
    """

    template_id: str | None = None
    preset: str | None = None
    type: str | None = Field(None, max_length=255)
    params: TemplateParams | None = None
    event_id: str | None = None
    event: dict[str, Any] | None = Field(None, description="A CloudEvent in its JSON form.")


class TemplateAnswer(Answer):
    """A template as it is answered to who made it."""

    id: str
    name: str
    type: str
    description: str
    params: dict[str, str]
    created_at: str
    updated_at: str
    subscription_count: int
    subscription_names: list[str]


class TemplatePage(PageAnswer):
    """A page of templates."""

    templates: list[TemplateAnswer]


class PreviewAnswer(Answer):
    """What the template makes of a message: its `title`, `text`, `html`, or the whole `body` of a post."""

    event_id: str
    parts: dict[str, str]


class PresetListItem(Answer):
    """A preset in a list (IBM EN: PredefinedTemplate)."""

    id: str
    name: str
    description: str
    source: str
    type: str
    created_at: str
    updated_at: str


class PresetAnswer(PresetListItem):
    """A preset."""

    params: dict[str, str]


class PresetPage(PageAnswer):
    """A page of presets."""

    templates: list[PresetListItem]


def template_fields(given: TemplateCreate | TemplateReplace) -> dict[str, object]:
    """What was given, as fields of a Template. Raises Invalid for a body that is no base64."""
    fields = given.changes()
    if params := fields.pop("params", None):
        fields |= {"parts": template_parts(params), "format": params.format or ""}
    return fields


def template_parts(params: TemplateParams) -> dict[str, str]:
    """The texts of the parts by name. Raises Invalid."""
    parts = params.changes()
    parts.pop("format", None)
    try:
        body = base64.b64decode("".join(params.body.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        detail, expected = "the body is no base64 of UTF-8 text", "the template's text, encoded"
        raise Invalid("template_encoding", detail, pointer="/params/body", expected=expected) from None
    return {**parts, "body": body}


def template_answer(template: Template, users: Sequence[str]) -> TemplateAnswer:
    """A template, and who uses it."""
    params = template_params(template.parts)
    return TemplateAnswer(
        id=template.id,
        name=template.name,
        type=template.type,
        description=template.description,
        params={**params, "format": template.format} if template.format else params,
        created_at=timestamp(template.created_at),
        updated_at=timestamp(template.updated_at),
        subscription_count=len(users),
        subscription_names=list(users),
    )


def template_params(parts: Mapping[str, str]) -> dict[str, str]:
    """Parts as IBM's `params`."""
    return {**parts, "body": base64.b64encode(parts.get("body", "").encode()).decode()}


def preset_answer(preset: Preset) -> PresetAnswer:
    """A preset with its parts."""
    return PresetAnswer(**preset_list_item(preset).model_dump(), params=template_params(preset.parts))


def preset_list_item(preset: Preset) -> PresetListItem:
    """A preset for a list; it changes with the program only, so it tells no time of its own."""
    return PresetListItem(
        id=preset.name,
        name=preset.title,
        description=preset.description,
        source=preset.source,
        type=preset.type,
        created_at=timestamp(0),
        updated_at=timestamp(0),
    )
