"""Templates: how messages of one kind of destination look, in people's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.ids import InstanceId, TemplateId

REFERENCES = ("template_id_notification", "template_id_invitation")
"""The members of a subscription's address that name a template (IBM EN: subscription attributes)."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it is configured. `type` is `<kind of destination>.notification` or `.invitation` (IBM).

    `parts` are texts by name: `body`, and what the kind has beside it (`subject`, `text`, `title`). `format`
    is the syntax that the body writes, '' where that is told by its look.
    """

    id: TemplateId
    instance_id: InstanceId
    name: str
    type: str
    created_at: float
    updated_at: float
    description: str = ""
    format: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
