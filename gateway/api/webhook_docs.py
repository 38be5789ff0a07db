"""What a receiver of our webhooks gets and how its answer is taken, as the `webhooks` part of OpenAPI 3.1.

It describes the webhook destination as it is unless configured otherwise: a structured CloudEvent, POSTed and
signed (adapters: webhook; signature: gateway/spi/signing.py).
"""

from __future__ import annotations

from typing import Any

import schemas
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE

_ANSWERS = {
    "2XX": "Delivered. Answer before working on it: an attempt ends after 10 seconds.",
    "3XX": "A failure: redirects are not followed, and the delivery becomes a dead letter.",
    "400": "Permanent, as are 405, 413, 415 and 422: the delivery becomes a dead letter at once.",
    "401": "Tried again on schedule, as are 403 and 404.",
    "410": "The destination is disabled; what is pending is held.",
    "429": "The destination pauses as `Retry-After` says, 1 second to 24 hours; 503 likewise.",
    "5XX": "Tried again on schedule, as are 408, 409, 425 and no answer at all.",
}


def webhooks() -> dict[str, Any]:
    """The path items by name."""
    return {"event": {"post": _delivery()}}


def _delivery() -> dict[str, Any]:
    return {
        "operationId": "deliver_event",
        "summary": "An event is delivered",
        "description": "At least once: a repeat has the same `webhook-id`, and a receiver that keeps the ids "
        "it has seen sees every event once. The signature is that of Standard Webhooks 1.0.",
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            _header(ID_HEADER, "Id of the delivery; the same in every attempt."),
            _header(
                TIMESTAMP_HEADER, f"When it was signed, in seconds; refuse it when older than {TOLERANCE}."
            ),
            _header(
                SIGNATURE_HEADER,
                "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; several by space.",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": schemas.load("cloudevents/cloudevents")}},
        },
        "responses": {status: {"description": text} for status, text in _ANSWERS.items()},
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
