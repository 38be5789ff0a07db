"""All use cases in one place, for the surfaces that call them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.domain.clock import Clock
from gateway.pipeline.flow import Ingest
from gateway.pipeline.snapshot import Current
from gateway.ports import NodeState
from gateway.security.acknowledging import AcknowledgeLinks
from gateway.security.unsubscribing import UnsubscribeLinks
from gateway.service.activity import Activities
from gateway.service.callbacks import Callbacks
from gateway.service.connecting import Connecting
from gateway.service.counting import Counting
from gateway.service.destinations import Destinations
from gateway.service.dry_run import DryRuns
from gateway.service.explaining import Explanations
from gateway.service.incidents import IncidentDesk
from gateway.service.instances import Instances
from gateway.service.keys import Keys
from gateway.service.ledger import Records
from gateway.service.monitors import Monitors
from gateway.service.presets import Presets
from gateway.service.quarantine import Quarantine
from gateway.service.readiness import Readiness
from gateway.service.schemas import Schemas
from gateway.service.silences import Silences
from gateway.service.sources import Sources
from gateway.service.subscriptions import Subscriptions
from gateway.service.templates import Templates
from gateway.service.topics import Topics
from gateway.service.trials import Trials
from gateway.settings import Settings
from gateway.telemetry.metrics import Metrics


@dataclass(slots=True)
class Services:
    """What the API may call.

    `leaving` is set as soon as the gateway is to stop: it is not ready, but takes events for a while;
    `draining` once it takes none any more.
    """

    current: Current
    ingest: Ingest
    clock: Clock
    metrics: Metrics
    settings: Settings
    readiness: Readiness
    nodes: Callable[[], Awaitable[Sequence[NodeState]]]
    instances: Instances
    sources: Sources
    keys: Keys
    connecting: Connecting
    activities: Activities
    topics: Topics
    destinations: Destinations
    subscriptions: Subscriptions
    schemas: Schemas
    templates: Templates
    presets: Presets
    records: Records
    quarantine: Quarantine
    callbacks: Callbacks
    explanations: Explanations
    dry_runs: DryRuns
    counting: Counting
    unsubscribe_links: UnsubscribeLinks
    acknowledge_links: AcknowledgeLinks
    incidents: IncidentDesk
    monitors: Monitors
    silences: Silences
    trials: Trials
    leaving: bool = False
    draining: bool = False
