"""What a server's answer to a write means: every documented one, also successes that are none."""

from __future__ import annotations

import re

import orjson

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.server import judged
from gateway.spi.transport import HttpAnswer

_REJECTED = re.compile(r"partial write|points? rejected|dropped=[1-9]", re.IGNORECASE)
"""What a success may say that is none, for a write of a single point."""


def judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """A write of one point is done or not: a partial one (400 or 422) stored nothing of it."""
    said = words(answer)
    if knows_no_path(answer):
        return DeliveryFailed(Reason.MISCONFIGURED, said, status=answer.status, excerpt=answer.text)
    return judged(answer, now, said) or _no_success(answer, said)


def _no_success(answer: HttpAnswer, said: str) -> DeliveryFailed | None:
    if _REJECTED.search(answer.text):
        reason, detail = Reason.REJECTED, f"answered {answer.status}: {said}"
    elif (answer.headers.get("content-type") or "").startswith("text/html"):
        reason = Reason.MISCONFIGURED
        detail = f"answered {answer.status} with a web page: the URL is not that of the server's API"
    else:
        return None
    return DeliveryFailed(reason, detail, status=answer.status, excerpt=answer.text)


def knows_no_path(answer: HttpAnswer) -> bool:
    """VictoriaMetrics' answer for what it has no API for (facts: destinations 15)."""
    return answer.status == 400 and "unsupported path requested" in answer.text


def words(answer: HttpAnswer) -> str:
    """The server's own words: `message` of version 2, `error` of 1 and 3, or its text."""
    body = json_of(answer)
    said = body.get("message") or body.get("error")
    return said if isinstance(said, str) else answer.text


def json_of(answer: HttpAnswer) -> dict[str, object]:
    """The answer's JSON object; an empty one where it has none."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
