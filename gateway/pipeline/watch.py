"""What monitors see in an event: asked on its way in, so that it is durable together with the event.

An observation is a few words; what follows from it is decided afterwards (`gateway.service.watching`).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from gateway.domain.errors import Invalid
from gateway.domain.event import allowed_text, canonical
from gateway.domain.ids import InstanceId, SourceId
from gateway.domain.monitor import MEASURING, Monitor, MonitorKind, Observation
from gateway.domain.source import Source
from gateway.domain.view import MISSING, EventView
from gateway.pipeline.direct import pointed
from gateway.pipeline.route import Compiled, OnProblem, compiled
from gateway.rules.evaluation import Predicate
from gateway.rules.index import Filing, RuleIndex
from gateway.rules.names import read_name, read_resource
from gateway.rules.necessary import MULTIPLE
from gateway.rules.paths import read_path
from gateway.rules.scanner import Scanner
from gateway.rules.terms import read_operand
from gateway.rules.tree import Name, Path

log = structlog.get_logger()

MAX_KEY = 200
"""Characters of a key; a longer one ends in a digest of all of it."""
DIGEST = 16

UNITS = {letter: 1024.0**power for power, letter in enumerate("bkmgtpe")}
"""Bytes of a unit by its first letter. GB is taken as GiB, as backup programs mostly mean it."""

_is_size = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?(b|bytes?|[kmgtpe]i?b)", re.IGNORECASE).fullmatch

Read: TypeAlias = Callable[[EventView], object]


@dataclass(frozen=True, slots=True)
class Watch:
    """A monitor made ready: which events it takes, and what it reads from one."""

    monitor: Monitor
    matches: Predicate
    failed: Predicate
    succeeded: Predicate
    unless: Predicate
    key: Read
    value: Read

    def observation(self, view: EventView) -> Observation | None:
        """What it sees in an event; None for one that says nothing to it."""
        monitor = self.monitor
        if not self.matches(view):
            return None
        key = "" if not monitor.key else key_text(self.key(view))
        if key is None:
            return None
        if monitor.kind in MEASURING:
            number = number_in(self.value(view))
            return None if number is None else Observation(monitor.id, key, self.unless(view), number)
        if monitor.kind is MonitorKind.SILENCE:
            return Observation(monitor.id, key)
        failed = self.failed(view)
        return Observation(monitor.id, key, failed) if failed or self.succeeded(view) else None


Watches: TypeAlias = RuleIndex[Watch]


def observed(watches: Watches | None, view: EventView) -> tuple[Observation, ...]:
    """What the monitors of a source see in one of its events."""
    if watches is None:
        return ()
    return tuple(seen for one in watches.possible(view) if (seen := one.observation(view)) is not None)


def watches_by_source(
    sources: Iterable[Source], monitors: Iterable[Monitor], on_problem: OnProblem
) -> Mapping[SourceId, Watches]:
    """The monitors that each registered source has, those of any source among them.

    The gateway's own events are not watched, so that no monitor feeds itself.
    """
    by_instance: dict[InstanceId, list[tuple[Compiled, Watch]]] = defaultdict(list)
    for monitor in sorted(monitors, key=lambda one: one.id):
        if not monitor.paused and (ready := _watch(monitor, on_problem)):
            by_instance[monitor.instance_id].append(ready)
    return {
        source.id: RuleIndex(own)
        for source in sources
        if (own := _of_source(by_instance.get(source.instance_id, ()), source.id))
    }


def _of_source(ready: Sequence[tuple[Compiled, Watch]], source_id: SourceId) -> list[tuple[Filing, Watch]]:
    return [(rule.filing, watch) for rule, watch in ready if watch.monitor.source_id in (None, source_id)]


def _watch(monitor: Monitor, on_problem: OnProblem) -> tuple[Compiled, Watch] | None:
    """One that another version let in and this one cannot read sees nothing."""
    try:
        rule, failed, succeeded, unless = (
            compiled("", "", text)
            for text in (monitor.rule, monitor.failure, monitor.success, monitor.unless or "false")
        )
        key, value = operand(monitor.key), operand(monitor.value)
    except Invalid as error:
        log.error("monitor.uncompilable", monitor=monitor.id, code=error.code, detail=error.detail)
        return None
    owners = (monitor.id,)
    tests = [one.owned(owners, on_problem) for one in (rule, failed, succeeded, unless)]
    return rule, Watch(monitor, tests[0], tests[1], tests[2], tests[3], key, value)


def operand(text: str) -> Read:
    """How the value of an operand of the expression dialect is read: a name, or a path to one value below
    `data`; or what a JSON pointer names in the data. '' reads nothing. Raises Invalid for anything else."""
    if not text:
        return lambda _: MISSING
    if text.startswith("/"):
        return lambda view: pointed(view.payload, text)
    scanner = Scanner(text)
    found = read_operand(scanner)
    if not scanner.is_done():
        raise scanner.surprise("the end")
    if found == MULTIPLE:
        return _first_spelling
    if isinstance(found, Name):
        return read_name(found.text)
    if isinstance(found, Path) and found.is_singular:
        return read_path(found)
    raise scanner.error("this does not name one value", "a name, or a path such as data.job.id", at=0)


def key_text(value: object) -> str | None:
    """A value as a key; None for what is none: absent, empty, an object, a list."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value) if value.is_integer() else repr(value)
    if not isinstance(value, str | int):
        return None
    text = allowed_text(canonical(value).strip())
    if len(text) > MAX_KEY:
        digest = hashlib.blake2b(text.encode(), digest_size=DIGEST // 2).hexdigest()
        text = f"{text[: MAX_KEY - DIGEST - 1]}#{digest}"
    return text or None


def number_in(value: object) -> float | None:
    """A finite number, or text that is one, or a size with its unit, such as `1.2 GB`.

    What could not be read is no number, and never 0. A size of `0 Bytes` is what programs write that do not
    know it (DBackup, formatBytes in src/lib/utils.ts), so that is none either.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (size := _is_size(value[:MAX_KEY].strip())):
        return float(size[1]) * UNITS[size[2][:1].lower()] or None
    try:
        number = float(value[:MAX_KEY] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _first_spelling(view: EventView) -> object:
    found = read_resource(view)
    return found[0] if found else MISSING
