"""Handlers of dry runs."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.dry_runs import DryRunAnswer, DryRunGiven, dry_run_answer
from gateway.api.shapes.topics import source_rule, topic_fields
from gateway.domain.source import Instance
from gateway.service.dry_run import Proposal
from gateway.service.services import Services


class DryRunHandlers:
    """What the API does with proposals."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, call: Call[DryRunGiven, Any]) -> DryRunAnswer:
        """What a proposal would do with events of the past."""
        proposal = self._proposal(call.instance, call.body)
        run = await self._services.dry_runs.run(call.instance, proposal, call.body.span)
        return dry_run_answer(run, proposal, self._services.current.snapshot)

    def _proposal(self, instance: Instance, given: DryRunGiven) -> Proposal:
        dry_runs = self._services.dry_runs
        if given.topic is not None:
            return dry_runs.topic(instance, given.topic_id, topic_fields(given.topic))
        if given.subscription is not None:
            fields = given.subscription.changes(attributes="address")
            return dry_runs.subscription(instance, given.subscription_id, fields)
        assert given.rule is not None  # noqa: S101  one of the three is given
        return dry_runs.rule(instance, source_rule(given.rule), given.source_id)
