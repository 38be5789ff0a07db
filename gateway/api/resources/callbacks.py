"""Callbacks of channels, from outside and without a key: their kind judges whether they are genuine."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from gateway.api.body import read_body
from gateway.domain.errors import Malformed
from gateway.service.services import Services
from gateway.spi.callback import Callback

MAX_BODY = 16 * 1024
"""Bytes."""

MAX_FIELDS = 64
FORM = "application/x-www-form-urlencoded"


class CallbackHandlers:
    """The route that channels call back on."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def take(self, request: web.Request) -> web.Response:
        """Keep what a channel says of a delivery; 204 once it is kept."""
        services = self._services
        body = await read_body(request, MAX_BODY, services.settings.request_timeout_seconds)
        form = _form(body) if request.content_type == FORM else {}
        # The address as the outside knows it: a proxy in front may have changed what arrives here.
        url = f"{services.settings.public_url.rstrip('/')}{request.raw_path}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        callback = Callback(url, headers, form, body, services.clock.now())
        place = request.match_info
        await services.callbacks.take(place["destination_id"], place["delivery_id"], callback)
        return web.Response(status=204, headers={hdrs.CACHE_CONTROL: "no-store"})


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except (UnicodeError, ValueError):
        raise Malformed("form_malformed", "the body is no form", expected=FORM) from None
    form = dict(fields)
    if len(form) < len(fields):
        raise Malformed("part_repeated", "a field comes twice", expected="every field once")
    return form
