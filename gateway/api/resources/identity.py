"""The token endpoint of IBM Cloud IAM: an access token for a key, for clients that are built to ask for one.

It reads nothing but memory: IBM's Python SDK waits for a minute after a token request that failed
(facts: ibm-event-notifications 0.4), so this one fails for a wrong request only.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from gateway.api.body import read_body
from gateway.api.problem import body, failure
from gateway.api.server import trace_of
from gateway.api.shapes.identity import APIKEY_GRANT, TokenProblem, token_answer
from gateway.domain.errors import Malformed
from gateway.service.services import Services

MAX_FORM = 16 * 1024
MAX_FIELDS = 32
_NOT_CACHED = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
_IAM_CODES = {"field_missing": "BXNIM0109E", "key_unknown": "BXNIM0415E"}
"""IAM's own names of what can be wrong; clients print them, and some compare them."""


class IdentityHandlers:
    """Exchanges keys for access tokens."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def token(self, request: web.Request) -> web.Response:
        """OAuth 2.0 with IAM's grant for API keys; a refusal looks as IAM's clients expect it."""
        try:
            form = await self._form(request)
            token = self._services.current.snapshot.keys.access_token(_key(form))
            if token is None:
                raise Malformed("key_unknown", "Provided API key could not be found", pointer="/apikey")
        except Malformed as error:
            return _refusal(error, trace_of(request))
        return _json(200, token_answer(token).model_dump_json())

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        text = await read_body(request, MAX_FORM, self._services.settings.request_timeout_seconds)
        try:
            return dict(parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except ValueError as error:
            raise Malformed(
                "form_malformed",
                f"the body is no form in UTF-8 of at most {MAX_FIELDS} fields",
                expected="grant_type=...&apikey=...",
            ) from error


def _key(form: Mapping[str, str]) -> str:
    if _field(form, "grant_type") != APIKEY_GRANT:
        raise Malformed(
            "grant_unsupported",
            "there are no tokens for this grant type",
            pointer="/grant_type",
            expected=APIKEY_GRANT,
        )
    return _field(form, "apikey")


def _field(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise Malformed("field_missing", f"the field {name} is missing or empty", pointer=f"/{name}")
    return form[name]


def _refusal(error: Malformed, trace: str) -> web.Response:
    told = failure(error)
    code = _IAM_CODES.get(error.code, error.code)
    problem = TokenProblem.model_validate(
        {**body(told, trace), "errorCode": code, "errorMessage": error.detail}
    )
    return _json(told.status, problem.model_dump_json(exclude_none=True))


def _json(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/json", headers=_NOT_CACHED)
