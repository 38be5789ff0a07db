"""What a channel says later: a callback to the gateway, judged by the kind that it is about.

The route, the bounds and the storing are the gateway's; whether a callback is genuine, and what it says, only
the kind knows. It judges without a clock, network or state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from gateway.domain.errors import TocsinError

CALLBACKS = "/callbacks"
"""Where channels call back, below the gateway's public address."""


class Callback(NamedTuple):
    """A POST to the URL that a message named as its `callback_url`.

    `url` is that URL as the outside knows it, with the query that came; `headers` have names in lower case;
    `form` holds the fields of an urlencoded body, each once, and is empty for any other body.
    """

    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes
    received_at: float


class CallbackRefused(TocsinError):
    """The callback is not genuine, or says nothing; the text says why, without a secret."""


def callback_url(public_url: str, destination_id: str, delivery_id: str) -> str:
    """Where a channel may tell what became of a delivery; '' where the gateway has no public address."""
    if not public_url:
        return ""
    path = f"{quote(destination_id, safe='')}/{quote(delivery_id, safe='')}"
    return f"{public_url.rstrip('/')}{CALLBACKS}/{path}"
