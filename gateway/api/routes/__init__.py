"""Every endpoint of the gateway, one file per noun; here they are put in order, the hot ones first."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from gateway.api.endpoint import AnyEndpoint, Api
from gateway.api.invoke import Invoker
from gateway.api.resources.acknowledging import AcknowledgeHandlers
from gateway.api.resources.callbacks import CallbackHandlers
from gateway.api.resources.description import DescriptionHandlers
from gateway.api.resources.destinations import DestinationHandlers
from gateway.api.resources.dry_runs import DryRunHandlers
from gateway.api.resources.explaining import ExplainHandlers
from gateway.api.resources.identity import IdentityHandlers
from gateway.api.resources.incidents import IncidentHandlers
from gateway.api.resources.ingest import IngestHandlers
from gateway.api.resources.keys import KeyHandlers
from gateway.api.resources.monitors import MonitorHandlers
from gateway.api.resources.operations import OperationHandlers
from gateway.api.resources.presets import PresetHandlers
from gateway.api.resources.records import RecordHandlers
from gateway.api.resources.schemas import SchemaHandlers
from gateway.api.resources.silences import SilenceHandlers
from gateway.api.resources.sources import SourceHandlers
from gateway.api.resources.subscriptions import SubscriptionHandlers
from gateway.api.resources.templates import TemplateHandlers
from gateway.api.resources.topics import TopicHandlers
from gateway.api.resources.unsubscribing import UnsubscribeHandlers
from gateway.api.routes import (
    acknowledging,
    callbacks,
    destinations,
    dry_runs,
    explaining,
    identity,
    incidents,
    ingest,
    keys,
    monitors,
    operations,
    presets,
    records,
    schemas,
    silences,
    sources,
    subscriptions,
    templates,
    topics,
    unsubscribing,
)
from gateway.service.services import Services


def build_application(services: Services) -> web.Application:
    """An aiohttp application with every endpoint mounted."""
    settings = services.settings
    application = web.Application(client_max_size=settings.max_body_bytes)
    api = Api(DescriptionHandlers(endpoints(services), settings.public_url).endpoints)
    invoker = Invoker(services.current, settings.max_body_bytes, settings.request_timeout_seconds)
    api.mount(application, invoker.bind)
    return application


def endpoints(services: Services) -> Sequence[AnyEndpoint]:
    """All of them."""
    return [
        *ingest.declare(IngestHandlers(services)),
        *records.declare(RecordHandlers(services)),
        *explaining.declare(ExplainHandlers(services)),
        *sources.declare(SourceHandlers(services)),
        *keys.declare(KeyHandlers(services)),
        *dry_runs.declare(DryRunHandlers(services)),
        *topics.declare(TopicHandlers(services)),
        *destinations.declare(DestinationHandlers(services)),
        *subscriptions.declare(SubscriptionHandlers(services)),
        *schemas.declare(SchemaHandlers(services)),
        *presets.declare(PresetHandlers(services)),
        *templates.declare(TemplateHandlers(services)),
        *unsubscribing.declare(UnsubscribeHandlers(services)),
        *acknowledging.declare(AcknowledgeHandlers(services)),
        *incidents.declare(IncidentHandlers(services)),
        *monitors.declare(MonitorHandlers(services)),
        *silences.declare(SilenceHandlers(services)),
        *identity.declare(IdentityHandlers(services)),
        *callbacks.declare(CallbackHandlers(services)),
        *operations.declare(OperationHandlers(services)),
    ]
