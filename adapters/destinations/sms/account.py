"""A Twilio account: Twilio's own SDK makes the request and reads the answer, the gateway's client carries it.

The SDK's HTTP client is replaced, because its own has no guard, ignores timeouts and repeats POSTs (facts:
destinations 3.4). One call, one request. Loaded at the first message: the SDK takes a while.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from adapters.destinations.sms import answers
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer, HttpClient, HttpRequest, parse_url

GAVE_UP = frozenset({"failed", "undelivered", "canceled"})
"""Words for a message that will not be sent (SDK: MessageInstance.Status)."""

_UNREAD = (ValueError, TypeError, AttributeError)
"""What the SDK's reading of an answer that is not Twilio's comes to."""

_SET = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
"""In place of the process' environment, which the SDK would read."""


class OneRequest(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's port for an HTTP client, over the gateway's: carries one request and keeps its answer."""

    def __init__(self, http: HttpClient, timeout: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http, self._seconds = http, timeout
        self.answer = HttpAnswer(0)

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Carry a request. Raises DeliveryFailed as HttpClient does."""
        given = dict(headers or {})
        if auth:
            given["Authorization"] = f"Basic {b64encode(':'.join(auth).encode()).decode()}"
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        body = urlencode(data or {}, doseq=True).encode()
        request = HttpRequest(method, parse_url(uri + query), tuple(given.items()), body, self._seconds)
        self.answer = await self._http.send(request)
        return Response(self.answer.status, self.answer.text)


async def send(
    http: HttpClient,
    *,
    account: str,
    credentials: tuple[str, str],
    base_url: str,
    fields: dict[str, Any],
    timeout: float,
    now: float,
) -> tuple[int, str, str]:
    """Create one message; the HTTP status, the message's SID and its status.

    Raises DeliveryFailed; ambiguous when it may have been queued.
    """
    carrier = OneRequest(http, timeout)
    user, password = credentials
    client = Client(user, password, account, http_client=carrier, environment=_SET)
    client.api.base_url = base_url
    try:
        made = await client.messages.create_async(**fields)
    except TwilioException as error:
        message = str(getattr(error, "msg", "") or getattr(error, "detail", "") or error)
        raise answers.refusal(carrier.answer, _code(error), message, now) from None
    except _UNREAD:
        raise _unread(carrier.answer) from None
    if made.status in GAVE_UP:
        raise answers.unsent(carrier.answer, made.error_code, made.status)
    if not isinstance(made.sid, str) or not made.sid:
        raise _unread(carrier.answer)
    return carrier.answer.status, made.sid, str(made.status)


def _code(error: TwilioException) -> int | None:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) and code >= 1000 else None


def _unread(answer: HttpAnswer) -> DeliveryFailed:
    return DeliveryFailed(
        Reason.AMBIGUOUS,
        f"answered {answer.status} with what is no message",
        status=answer.status,
        excerpt=answer.text,
    )
