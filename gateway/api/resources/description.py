"""The API's own description, made once, when somebody first asks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import orjson
from aiohttp import web

from gateway import __version__
from gateway.api.endpoint import Access, AnyEndpoint, RawEndpoint
from gateway.api.openapi import document
from gateway.api.webhook_docs import webhooks


class DescriptionHandlers:
    """Serves the OpenAPI document of every endpoint, its own included."""

    def __init__(self, described: Sequence[AnyEndpoint], server_url: str) -> None:
        self._server_url = server_url or "/"
        self.endpoints = [
            *described,
            RawEndpoint(
                method="GET",
                path="/openapi.json",
                handler=self.openapi,
                tag="operations",
                access=Access.PUBLIC,
                summary="This description (OpenAPI 3.1)",
                answer={"type": "object"},
            ),
        ]

    @cached_property
    def text(self) -> bytes:
        """The document as JSON."""
        described = document(
            self.endpoints, version=__version__, server_url=self._server_url, webhooks=webhooks()
        )
        return orjson.dumps(described, option=orjson.OPT_INDENT_2)

    async def openapi(self, _: web.Request) -> web.Response:
        """The document."""
        return web.Response(body=self.text, content_type="application/json")
