"""Routes of dry runs."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.dry_runs import DryRunHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes import dry_runs
from gateway.domain.errors import Conflict, Invalid, Malformed, NotFound


def declare(handlers: DryRunHandlers) -> Sequence[AnyEndpoint]:
    """The endpoint."""
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/rules/dry-run",
            handler=handlers.run,
            tag="topics",
            summary="What a rule, topic or subscription would do with events of the past",
            description="Nothing is stored or sent. One call looks at a bounded number of events, for 10 "
            "seconds at most; `cursor` goes on.",
            body=dry_runs.DryRunGiven,
            answer=dry_runs.DryRunAnswer,
            raises=(NotFound, Malformed, Invalid, Conflict),
        )
    ]
