"""The canonical vocabulary: what every backup event says, in one set of words.

Rules read these fields by bare name (`severity >= error`), templates as `event.<name>`, incidents
group by them. A source format fills them in when it decodes; they travel beside the event, which
itself is forwarded unchanged. What is missing stays None and matches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.severity import Severity


class Outcome(StrEnum):
    """How the thing that an event tells of ended."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    CORRUPT = "corrupt"
    MISSED = "missed"
    STARTED = "started"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The meaning of one event. `title` and `summary` are for people; the rest is for rules.

    `resource` is what was backed up; `resources` are all spellings of it that a rule may name (raw
    and canonical). `links` maps a label to an http(s) URL.
    """

    severity: Severity | None = None
    outcome: Outcome | None = None
    title: str | None = None
    summary: str | None = None
    resource: str | None = None
    resources: tuple[str, ...] = ()
    job: str | None = None
    actor: str | None = None
    task_id: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
