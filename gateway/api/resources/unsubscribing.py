"""Unsubscribing by the link of a message (RFC 8058): GET asks, because scanners follow links; POST does it.

Whoever has the link may use it: no log-in, no cookie, no redirect. The pages load nothing and run nothing.
"""

from __future__ import annotations

import html

import structlog
from aiohttp import hdrs, web

from gateway.api.body import read_body
from gateway.domain.errors import TooMany
from gateway.pipeline.throttle import Window
from gateway.security.unsubscribing import Unsubscription
from gateway.service.services import Services
from gateway.service.subscriptions import has_unsubscribed
from gateway.spi.destination import Pace

log = structlog.get_logger()

MAX_FORM = 16 * 1024
"""Bytes of the body, which says `List-Unsubscribe=One-Click` and nothing that matters."""

PACE = Pace(20, 1.0)
"""Each is a change of the configuration; so many recipients at a time may make one."""

_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class UnsubscribeHandlers:
    """Serves the two pages."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._window = Window()
        self._window.follow(PACE)

    async def ask(self, request: web.Request) -> web.Response:
        """A page with a button, or with what is so already."""
        wanted = self._wanted(request)
        if wanted is None:
            return _unknown()
        subscription = self._services.current.snapshot.subscriptions.get(wanted.subscription_id)
        if subscription is None or has_unsubscribed(subscription, wanted.recipient):
            return _done(wanted)
        return page(200, "Unsubscribe?", _QUESTION % (shown(wanted.recipient), shown(subscription.name)))

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Done, without further confirmation. Raises TooMany, and what changing a subscription raises."""
        await read_body(request, MAX_FORM, self._services.settings.request_timeout_seconds)
        wanted = self._wanted(request)
        if wanted is None:
            return _unknown()
        self._keep_pace()
        if await self._services.subscriptions.unsubscribe(wanted):
            log.info("recipient.unsubscribed", subscription=wanted.subscription_id)
        return _done(wanted)

    def _wanted(self, request: web.Request) -> Unsubscription | None:
        return self._services.unsubscribe_links.read(request.match_info["token"])

    def _keep_pace(self) -> None:
        now = self._services.clock.monotonic()
        if self._window.wait(now):
            raise TooMany(
                "too_many_unsubscribing", "many recipients unsubscribe at this moment", retry_after=1
            )
        self._window.begin(now)


def _done(wanted: Unsubscription) -> web.Response:
    return page(200, "Unsubscribed", _DONE % shown(wanted.recipient))


def _unknown() -> web.Response:
    return page(404, "This link is not valid", _UNKNOWN)


def shown(text: str) -> str:
    """Text of anybody's for the inside of a page."""
    return html.escape(text.encode("utf-8", "replace").decode())


def page(status: int, title: str, content: str) -> web.Response:
    """A page that loads nothing and runs nothing; `content` is HTML."""
    text = _PAGE % (title, title, content)
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; line-height: 1.5; }
body { max-width: 32rem; margin: 15vh auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
p { overflow-wrap: anywhere; }
button { font: inherit; padding: .5rem 1.5rem; cursor: pointer; }
</style>
</head>
<body>
<h1>%s</h1>
%s
</body>
</html>
"""
_QUESTION = """<p><strong>%s</strong> will get no more messages of &ldquo;%s&rdquo;.</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button>
</form>"""
_DONE = "<p><strong>%s</strong> gets no more of these messages. Whoever runs this gateway can undo it.</p>"
_UNKNOWN = "<p>It was changed on its way, or this gateway did not make it. Nothing was changed.</p>"
