"""What makes two events the same for a duplicate window that states no key: all but id, time and task id.

    attributes   all but NAMES
    vocabulary   severity, outcome, title, summary, resource, job, actor
    JSON data    all members, however deep, but NAMES; an `id` of one of RUNS; and what has the value of the
                 event's id, time or task id. Members in any order are the same.
    other data   its bytes

NAMES compares without case, `_` and `-`. In text, an id, a time or a task id of this event counts for
nothing too. A plain `id` within anything that is no run stays: it says what it happened to.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import cast

import msgspec

from gateway.domain.event import DataForm
from gateway.domain.view import EventView, Json

_TIMES = (
    "time timestamp date datetime ts epoch "
    "start starttime started startedat startdate begin begintime end endtime ended endedat enddate "
    "stop stoptime finish finished finishedat finishtime completed completedat "
    "created createdat creationtime updated updatedat sent sentat received receivedat generated generatedat "
    "recordedtime expirytime lastrun nextrun duration durationms durationseconds elapsed elapsedtime "
)
_RUN_IDS = (
    "taskid upid taskurl uuid guid runid eventid messageid notificationid executionid sessionid "
    "requestid correlationid traceid spanid traceparent tracestate sequence sequenceid nonce "
)
NAMES = frozenset((_TIMES + _RUN_IDS).split())
"""Members and attributes that tell when, or which run it was, and not what."""
RUNS = frozenset({"task", "run", "event", "message", "notification", "execution", "session", "request"})
"""Members whose `id` tells which run it was; the `id` of the data itself does so too."""
SHORT = 8
"""An id shorter than this is looked for as a whole value only: in the middle of a text it may be anything."""
DIGEST = 16

_encode = msgspec.json.Encoder(order="deterministic").encode


def default_identity(view: EventView) -> bytes:
    """A digest of what makes the event what it is."""
    event, words = view.event, view.vocabulary
    own = frozenset(one for one in (event.id, event.text("time"), words.task_id) if one)
    attributes = {name: value for name, value in event.attributes.items() if not _passing(name, "")}
    said = (words.severity, words.outcome, words.title, words.summary, words.resource, words.job, words.actor)
    data: object = event.data
    if event.form is DataForm.JSON:
        data = _lasting(cast(Json, view.payload), "", own)
    whole = _encode((attributes, said, event.form, data))
    for one in own:
        if len(one) >= SHORT:
            whole = whole.replace(_encode(one)[1:-1], b"")
    return hashlib.blake2b(whole, digest_size=DIGEST).digest()


def _lasting(value: Json, within: str, own: frozenset[str]) -> object:
    """A value without what passes; `within` is the name of the member that it is, of lists of their own."""
    if isinstance(value, dict):
        return {
            name: _lasting(one, name, own)
            for name, one in value.items()
            if not _passing(name, within) and not _is_own(one, own)
        }
    if isinstance(value, list):
        return [_lasting(one, within, own) for one in value]
    return value


def _is_own(value: Json, own: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in own
    return isinstance(value, int) and not isinstance(value, bool) and str(value) in own


@lru_cache(maxsize=8192)
def _passing(name: str, within: str) -> bool:
    """Whether a member of this name says nothing that lasts."""
    plain = _plain(name)
    return plain in NAMES or (plain == "id" and (not within or _plain(within) in RUNS))


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
