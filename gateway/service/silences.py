"""Silences: nobody is told for a while, because somebody said so and why.

They take effect in `gateway.pipeline.silence`. One that has ended is kept for reading, and goes when another
is made long after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.domain.errors import Conflict, Invalid, NotFound, Problem
from gateway.domain.ids import SilenceId, new_id
from gateway.domain.silence import Silence, SilenceState
from gateway.domain.source import Instance
from gateway.pipeline.route import rule_problems
from gateway.pipeline.silence import by_age
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.security.keys import OPERATOR, Principal
from gateway.service.configuration import Configurator, Decision
from gateway.service.topics import find_topic

DAY = 86_400.0
MAX_SILENCES = 500
"""Silences of one instance that have not ended."""
MAX_ENDED = 1_000
"""Silences of one instance that have ended and are kept for reading; the oldest go."""
KEPT_DAYS = 90
"""Days that one is kept after its end."""
LONGEST_DAYS = 366
"""Days that one lasts at most, and that it begins ahead at most."""
INVALID = "silence_invalid"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: from when (None: now) until when, or for how many seconds."""

    rule: str
    reason: str
    author: str
    starts_at: float | None = None
    ends_at: float | None = None
    lasts: float | None = None
    topic_id: str | None = None


class Silences:
    """Use cases over silences."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def create(self, instance: Instance, wanted: Wanted) -> Silence:
        """A new silence; it does nothing to what was routed before.

        Raises Invalid for a rule or a time that cannot be, NotFound for a topic that is not there, Conflict
        where there are as many as there may be.
        """

        def decide(snapshot: Snapshot) -> Decision[Silence]:
            now = self._configurator.clock.now()
            silence = _made(snapshot, instance, wanted, now)
            _check(silence, now)
            ended = _refuse_too_many(snapshot, instance, now)
            return Decision(silence, [Put(silence), *map(Remove, ended)])

        return await self._configurator.change(decide)

    async def end(self, instance: Instance, silence_id: str) -> Silence:
        """End one now, if it has not ended. Raises NotFound."""

        def decide(snapshot: Snapshot) -> Decision[Silence]:
            silence, now = find_silence(snapshot, instance, silence_id), self._configurator.clock.now()
            if silence.state(now) is SilenceState.ENDED:
                return Decision(silence)
            began = min(silence.starts_at, now)
            ended = replace(silence, starts_at=began, ends_at=now, updated_at=now)
            return Decision(ended, [Put(ended)])

        return await self._configurator.change(decide)

    async def delete(self, instance: Instance, silence_id: str) -> None:
        """Remove one, and with it who silenced what it held back, and why. Raises NotFound."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            return Decision(None, [Remove(find_silence(snapshot, instance, silence_id))])

        await self._configurator.change(decide)


def find_silence(snapshot: Snapshot, instance: Instance, silence_id: str) -> Silence:
    """A silence of this instance. Raises NotFound."""
    silence = snapshot.silences.get(SilenceId(silence_id))
    if silence is None or silence.instance_id != instance.id:
        raise NotFound("silence_not_found", f"there is no silence {silence_id!r}")
    return silence


def author_of(snapshot: Snapshot, principal: Principal) -> str:
    """What the key is called that somebody calls with."""
    names: Mapping[str, str] = {key.id: key.name for key in snapshot.key_rows}
    return "operator" if principal.key_id == OPERATOR else names.get(principal.key_id, principal.key_id)


def _made(snapshot: Snapshot, instance: Instance, wanted: Wanted, now: float) -> Silence:
    topic = find_topic(snapshot, instance, wanted.topic_id) if wanted.topic_id else None
    starts_at = max(now, now if wanted.starts_at is None else wanted.starts_at)
    ends_at = wanted.ends_at if wanted.ends_at is not None else starts_at + (wanted.lasts or 0.0)
    return Silence(
        SilenceId(new_id()),
        instance.id,
        wanted.rule,
        starts_at,
        ends_at,
        wanted.author,
        wanted.reason,
        now,
        now,
        topic.id if topic else None,
    )


def _check(silence: Silence, now: float) -> None:
    problems = [replace(one, pointer="/rule") for one in rule_problems({"/rule": silence.rule})]
    if silence.ends_at <= silence.starts_at:
        problems.append(
            Problem(
                INVALID, "it would be over before it begins", "/ends_at", "a time after its start, and ahead"
            )
        )
    if silence.ends_at - silence.starts_at > LONGEST_DAYS * DAY:
        problems.append(Problem(INVALID, "it is too long", "/ends_at", f"at most {LONGEST_DAYS} days"))
    if silence.starts_at - now > LONGEST_DAYS * DAY:
        problems.append(
            Problem(INVALID, "it begins too far ahead", "/starts_at", f"within {LONGEST_DAYS} days")
        )
    if problems:
        raise Invalid.of(problems)


def _refuse_too_many(snapshot: Snapshot, instance: Instance, now: float) -> Sequence[Silence]:
    """Those that ended so long ago that they go, or are too many. Raises Conflict."""
    own = by_age(one for one in snapshot.silences.values() if one.instance_id == instance.id)
    ended = [one for one in own if one.state(now) is SilenceState.ENDED]
    if len(own) - len(ended) >= MAX_SILENCES:
        raise Conflict(
            "too_many_silences",
            f"there are {MAX_SILENCES} silences already that have not ended",
            expected="one silence with a rule in place of many",
        )
    ended.sort(key=lambda one: one.ends_at)
    old = [one for one in ended if one.ends_at < now - KEPT_DAYS * DAY]
    return ended[: max(len(old), len(ended) - MAX_ENDED)]
