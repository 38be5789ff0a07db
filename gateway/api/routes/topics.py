"""Routes of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.topics import TopicHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import topic_tests, topics
from gateway.api.shapes.base import PageQuery
from gateway.api.shapes.counts import HistoryAnswer
from gateway.domain.errors import (
    Invalid,
    Malformed,
    NotFound,
    Unavailable,
)


def declare(handlers: TopicHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/topics/{{id}}"
    shown: dict[str, Any] = {"tag": "topics", "answer": topics.TopicAnswer, "ibm": True}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/topics",
            handler=handlers.create,
            summary="Create a topic",
            body=topics.TopicCreate,
            status=201,
            raises=(Malformed, Invalid),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/topics",
            handler=handlers.list,
            tag="topics",
            summary="List topics",
            query=PageQuery,
            answer=topics.TopicPage,
            ibm=True,
        ),
        Endpoint(
            method="GET",
            path=one,
            handler=handlers.show,
            summary="A topic",
            query=topics.TopicQuery,
            raises=(NotFound,),
            **shown,
        ),
        Endpoint(
            method="PUT",
            path=one,
            handler=handlers.replace,
            summary="Change a topic",
            body=topics.TopicReplace,
            raises=(NotFound, Malformed, Invalid),
            **shown,
        ),
        Endpoint(
            method="POST",
            path=f"{one}/test",
            handler=handlers.test,
            tag="topics",
            summary="Send a test event to everything that the topic leads to, and wait for the results",
            body=topic_tests.TopicTest,
            answer=topic_tests.TopicTestAnswer,
            raises=(NotFound, Malformed, Invalid),
        ),
        Endpoint(
            method="GET",
            path=f"{one}/counts",
            handler=handlers.counts,
            tag="topics",
            summary="What a topic did, by day",
            answer=HistoryAnswer,
            raises=(NotFound, Unavailable),
        ),
        removal(one, handlers.delete, "topics", "Remove a topic that no subscription uses"),
    ]
