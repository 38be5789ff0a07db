"""What words on a health page mean, and which of the checks on it fail."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome
from gateway.spi import foreign

MAX_NAME = 100
"""Characters of a check's name."""

# fmt: off
GOOD = frozenset({
    "up", "ok", "okay", "pass", "passed", "passing", "healthy", "green", "good", "alive", "ready",
    "running", "online", "available", "operational", "serving", "success", "true", "yes"
})
MEDIOCRE = frozenset({
    "warn", "warning", "degraded", "yellow", "partial", "impaired"
})
BAD = frozenset({
    "down", "fail", "failed", "failing", "failure", "error", "unhealthy", "red", "orange",
    "critical", "offline", "unavailable", "out_of_service", "not_serving", "dead", "bad", "outage",
    "disconnected", "unreachable", "false", "no"
})
# fmt: on
STATUS = ("status", "health", "healthy")
"""Members that say how their object is, in any case."""
_NAMES = ("name", "label", "componentname", "component", "id")
_WRAPPERS = frozenset({"components", "checks", "details", "entries", "results", "services", "dependencies"})


def judged(words: list[str]) -> Outcome | None:
    """How words look together: the worst of them counts; None where one is neither good nor bad."""
    said = [word.strip().lower() for word in words]
    if any(word in BAD for word in said):
        return Outcome.FAILED
    if any(word in MEDIOCRE for word in said):
        return Outcome.WARNING
    return Outcome.OK if all(word in GOOD for word in said) else None


def failing(value: Json, place: str = "") -> Iterator[str]:
    """The names of the checks below a value that say that they fail, the innermost of each."""
    if isinstance(value, list):
        for one in value:
            yield from failing(one, _named(one, place))
    if not isinstance(value, dict):
        return
    found = False
    for name, inside in value.items():
        if name.lower() in STATUS and isinstance(inside, str | bool):
            continue
        if isinstance(inside, str) and name.lower() not in _NAMES and _is_bad(inside):
            found = True
            yield _joined(place, name)
        for one in failing(inside, place if name.lower() in _WRAPPERS else _joined(place, name)):
            found = True
            yield one
    if not found and place and _is_bad(own_status(value)):
        yield place


def own_status(value: Json) -> str | bool | None:
    """What an object says of itself."""
    if not isinstance(value, dict):
        return None
    lowered = foreign.folded(value)
    return next((said for one in STATUS if isinstance(said := lowered.get(one), str | bool)), None)


def _is_bad(said: Json) -> bool:
    return said is False or (isinstance(said, str) and said.strip().lower() in BAD)


def _named(value: Json, place: str) -> str:
    """Where an item of a list stands, by its own name if it has one."""
    if not isinstance(value, dict):
        return place
    name = foreign.text(foreign.folded(value), *_NAMES)
    return _joined(place, name) if name else place


def _joined(place: str, name: str) -> str:
    return f"{place} {name}"[:MAX_NAME] if place else name[:MAX_NAME]
