"""A way from a source to this receiver that exists while it listens: destination, topic, subscription.

Its parts bear a name made from the address, so that what a killed `listen` left behind is found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.cli.client import Client, segment
from gateway.cli.lookup import id_of
from gateway.domain.errors import Refused

IN_ORDER = ("subscriptions", "topics", "destinations")
"""The nouns in the order in which they can be deleted."""

RETRIES = [1.0, 5.0, 15.0]
"""Seconds before each retry: a receiver that a person looks at comes back soon or not at all."""


@contextmanager
def route(client: Client, source: str, url: str, rule: str) -> Iterator[str]:
    """Send a source's events to this URL for as long as the block runs. Yields the signing secret.

    Raises Refused as the gateway does, and with `not_reached` where its test event did not arrive.
    """
    name = f"listen {url}"
    source_id = id_of(client, "sources", source)
    _remove(client, name)
    try:
        yield _create(client, name, source_id, url, rule)
    finally:
        _remove(client, name)


def _create(client: Client, name: str, source_id: str, url: str, rule: str) -> str:
    config = {"params": {"url": url, "verb": "post"}}
    destination = client.post(
        "destinations", {"name": name, "type": "webhook", "config": config, "retry_schedule": RETRIES}
    )
    feed = {"id": source_id, "rules": [{"rule": rule}]}
    topic = client.post("topics", {"name": name, "sources": [feed]})
    client.post("subscriptions", {"name": name, "topic_id": topic["id"], "destination_id": destination["id"]})
    return str(destination["generated"]["signing_secret"])


def check(client: Client, url: str) -> None:
    """Send a test event through the gateway. Raises Refused saying why it did not come."""
    destination_id = id_of(client, "destinations", f"listen {url}")
    answer = client.post(f"destinations/{segment(destination_id)}/test")
    if answer["state"] != "delivered":
        raise Refused(
            "not_reached", f"the gateway does not reach {url}: {answer.get('detail', answer['state'])}"
        )


def _remove(client: Client, name: str) -> None:
    for noun in IN_ORDER:
        for row in list(client.every(noun, name)):
            if row["name"] == name:
                client.call("DELETE", f"{noun}/{segment(row['id'])}")
