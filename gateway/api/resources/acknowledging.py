"""Acknowledging an incident by the link of a message: GET asks, because scanners follow links; POST does it.

Whoever has the link may use it, for some days: no log-in, no cookie, no redirect.
"""

from __future__ import annotations

from aiohttp import web

from gateway.api.body import read_body
from gateway.api.resources.unsubscribing import MAX_FORM, page, shown
from gateway.domain.errors import Conflict, NotFound, TooMany
from gateway.domain.incident import Incident, IncidentState, counted, duration
from gateway.pipeline.throttle import Window
from gateway.security.acknowledging import Acknowledgement
from gateway.service.services import Services
from gateway.spi.destination import Pace

PACE = Pace(20, 1.0)
"""Each writes a row; so many readers at a time may."""


class AcknowledgeHandlers:
    """Serves the two pages."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._window = Window()
        self._window.follow(PACE)

    async def ask(self, request: web.Request) -> web.Response:
        """A page with a button, or with how it stands already."""
        wanted = self._wanted(request)
        incident = await self._incident(wanted) if wanted else None
        if wanted is None or incident is None:
            return _unknown()
        if incident.state is not IncidentState.OPEN:
            return _stands(incident)
        lasts = duration(incident.seconds), counted(incident.failures)
        return page(200, "Acknowledge?", _QUESTION % (shown(incident.title), *lasts, shown(wanted.by)))

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Done. Raises TooMany, and what the store raises."""
        await read_body(request, MAX_FORM, self._services.settings.request_timeout_seconds)
        wanted = self._wanted(request)
        if wanted is None:
            return _unknown()
        self._keep_pace()
        desk = self._services.incidents
        try:
            incident = await desk.acknowledge(wanted.instance_id, wanted.incident_id, wanted.by)
        except NotFound:
            return _unknown()
        except Conflict:
            incident = await desk.find(wanted.instance_id, wanted.incident_id)
        return _stands(incident)

    async def _incident(self, wanted: Acknowledgement) -> Incident | None:
        try:
            return await self._services.incidents.find(wanted.instance_id, wanted.incident_id)
        except NotFound:
            return None

    def _wanted(self, request: web.Request) -> Acknowledgement | None:
        links = self._services.acknowledge_links
        return links.read(request.match_info["token"], self._services.clock.now())

    def _keep_pace(self) -> None:
        now = self._services.clock.monotonic()
        if self._window.wait(now):
            raise TooMany("too_many_acknowledging", "many readers acknowledge at this moment", retry_after=1)
        self._window.begin(now)


def _stands(incident: Incident) -> web.Response:
    if incident.state is IncidentState.RESOLVED:
        return page(200, "Over", _OVER % shown(incident.title))
    return page(200, "Acknowledged", _DONE % (shown(incident.title), shown(incident.acknowledged_by)))


def _unknown() -> web.Response:
    return page(404, "This link is not valid", _UNKNOWN)


_QUESTION = """<p><strong>%s</strong></p>
<p>Failing for %s, %s. Nobody has taken it up yet.</p>
<p>With this, %s does, and nobody is reminded of it any more.</p>
<form method="post">
<button type="submit">Acknowledge</button>
</form>"""
_DONE = "<p><strong>%s</strong></p><p>%s has taken it up. There are no more reminders of it.</p>"
_OVER = "<p><strong>%s</strong></p><p>It is over; there is nothing to take up.</p>"
_UNKNOWN = (
    "<p>It has expired, or was changed on its way, or what it is about was deleted. Nothing was changed.</p>"
)
