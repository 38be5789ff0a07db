"""Presets: topics, rules, subscriptions and monitors for a product, made at once out of ordinary ones."""

from __future__ import annotations

from gateway.domain.errors import NotFound
from gateway.domain.source import Instance
from gateway.pipeline.snapshot import Snapshot
from gateway.service.configuration import Configurator, Decision
from gateway.service.monitors import Monitors
from gateway.service.preset_plan import Plan, Wishes
from gateway.service.preset_planner import Planner
from gateway.service.sources import find_source
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics
from schemas.presets import Preset, presets


class Presets:
    """Use cases over presets."""

    def __init__(
        self, configurator: Configurator, topics: Topics, subscriptions: Subscriptions, monitors: Monitors
    ) -> None:
        self._configurator = configurator
        self._topics, self._subscriptions, self._monitors = topics, subscriptions, monitors

    async def apply(self, instance: Instance, name: str, wishes: Wishes, *, dry_run: bool) -> Plan:
        """Make all of it, in one change, or with `dry_run` only say what would be made.

        Raises NotFound, Malformed and Invalid; then nothing was changed.
        """
        preset = find_preset(name)

        def decide(snapshot: Snapshot) -> Decision[Plan]:
            find_source(snapshot, instance, wishes.source_id)
            now = self._configurator.clock.now()
            saving = self._topics, self._subscriptions, self._monitors
            plan = Planner(snapshot, instance, preset, wishes, *saving, now).plan()
            return Decision(plan) if dry_run else Decision(plan, plan.changes, plan.effects)

        if dry_run:
            return decide(self._configurator.snapshot).answer
        plan = await self._configurator.change(decide)
        await self._monitors.forget(plan.gone)
        return plan


def find_preset(name: str) -> Preset:
    """A preset by its name. Raises NotFound."""
    if name not in presets():
        expected = f"one of {', '.join(presets())}"
        raise NotFound("preset_not_found", f"there is no preset {name[:100]!r}", expected=expected)
    return presets()[name]
