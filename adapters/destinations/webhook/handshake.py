"""Asking a receiver whether it wants events, and how many (CloudEvents HTTP 1.1 Web Hooks 1.0.2, 4).

The answer has to come at once: a consent that is given later, by a call back, is not waited for.
"""

from __future__ import annotations

from adapters.destinations.webhook.settings import MAX_RATE, WebhookConfig
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer, HttpRequest, Url

ORIGIN_HEADER, RATE_HEADER = "WebHook-Request-Origin", "WebHook-Request-Rate"
ALLOWED_ORIGIN, ALLOWED_RATE = "WebHook-Allowed-Origin", "WebHook-Allowed-Rate"
TIMEOUT_SECONDS = 10.0


async def allowed_rate(tools: Tools, url: Url, config: WebhookConfig) -> int | None:
    """Requests a minute that the receiver allows, None for any number. Raises DeliveryFailed."""
    headers = [(ORIGIN_HEADER, tools.domain), *config.all_headers]
    if config.rate_per_minute:
        headers.append((RATE_HEADER, str(config.rate_per_minute)))
    request = HttpRequest("OPTIONS", url, headers, b"", TIMEOUT_SECONDS)
    return _consented(await tools.http.send(request), tools.domain, config.rate_per_minute)


def _consented(answer: HttpAnswer, origin: str, asked: int | None) -> int | None:
    """What the answer grants: the status of it means nothing (4.2)."""
    granted = (answer.headers.get(ALLOWED_ORIGIN) or "").strip()
    if granted not in ("*", origin):
        detail = f"the receiver does not consent: it must answer {ALLOWED_ORIGIN}: {origin}"
        raise DeliveryFailed(Reason.REJECTED, detail, status=answer.status)
    rate = (answer.headers.get(ALLOWED_RATE) or "*").strip()
    if rate == "*":
        return asked
    if not (rate.isascii() and rate.isdigit() and 1 <= int(rate[:9]) <= MAX_RATE):
        raise DeliveryFailed(Reason.REJECTED, f"{ALLOWED_RATE} is no number of requests a minute")
    return min(int(rate[:9]), asked or MAX_RATE)
