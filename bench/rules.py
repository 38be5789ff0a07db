"""Rules: one against a hand-written lambda, routing against the number of subscriptions, and other languages.

`python -m bench.rules` alone; `make bench` runs it first. Ratios are taken within one interleaved run. Other
engines are measured where they are installed (`pip install cel-python common-expression-language
python-jsonpath`), and are needed by nothing else.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.route import RouteTable, plan
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm

ROUNDS, CALLS = 7, 10_000
RULE = "type starts-with backup. and severity in (warning, error, critical)"
FEW, MANY = 10, 10_000
TARGETS = {"rule": 4.0, "routing": 2.0}

Work = Callable[[], object]

DATA = {
    "score": 87,
    "region": "eu-de",
    "parts": [{"name": "root", "ok": True}, {"name": "data", "ok": False}],
}
VIEW = EventView(
    Event({"specversion": "1.0", "id": "1", "source": "/pbs/1", "type": "backup.failed", "subject": "vm-7"}),
    Vocabulary(severity=Severity.ERROR, resource="/ds/7/vm"),
    DATA,
)
WHOLE = {**VIEW.event.attributes, "severity": "error", "data": DATA}

RULES_OF_MANY: dict[str, Callable[[int], str]] = {
    "type": lambda number: f"type = backup.{number}" if number != 7 else "type = backup.failed",
    "subject": lambda number: f"type starts-with backup. and subject = vm-{number}",
    "resource": lambda number: f"resource starts-with /ds/{number}/ and severity >= error",
    "data": lambda number: f"data.score > 5 and data.region = eu-{'de' if number == 7 else number}",
}
"""Rules of which few can match, by what tells them apart."""


def run() -> dict[str, Any]:
    """All measures."""
    return {
        "rule": _rule(),
        "routing": {name: _routing(rule) for name, rule in RULES_OF_MANY.items()},
        "memory": _memory(),
        "others": _others(),
    }


def _interleaved(works: dict[str, Work], calls: int = CALLS) -> dict[str, float]:
    """Microseconds a call, the median of rounds in which every work has its turn."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    gc.disable()
    for _ in range(ROUNDS):
        for name, work in works.items():
            began = time.process_time()
            for _ in range(calls):
                work()
            rounds[name].append((time.process_time() - began) / calls * 1e6)
    gc.enable()
    return {name: statistics.median(found) for name, found in rounds.items()}


def _rule() -> dict[str, float]:
    """The typical rule beside what a person would write in its place."""
    wanted = frozenset({Severity.WARNING, Severity.ERROR, Severity.CRITICAL})
    by_hand = lambda view: (  # noqa: E731
        view.event.attributes["type"].startswith("backup.") and view.vocabulary.severity in wanted
    )
    rule = compile_rule(parse_expression(RULE))
    found = _interleaved({"lambda": lambda: by_hand(VIEW), "rule": lambda: rule(VIEW), "call": lambda: None})
    own = {name: found[name] - found["call"] for name in ("lambda", "rule")}  # without the loop itself
    return {**own, "ratio": own["rule"] / own["lambda"], "target": TARGETS["rule"]}


def _routing(rule: Callable[[int], str]) -> dict[str, float]:
    """One event against few and against many subscriptions, of which one wants it."""
    few, many = _table(FEW, rule), _table(MANY, rule)
    found = _interleaved({"few": lambda: plan(few, VIEW), "many": lambda: plan(many, VIEW)}, CALLS // 4)
    return {**found, "ratio": found["many"] / found["few"], "target": TARGETS["routing"]}


def _configuration(count: int, rule: Callable[[int], str]) -> Configuration:
    feeds = (TopicSource("s", (SourceRule("r"),)),)  # type: ignore[arg-type]
    subscriptions = [
        Subscription(f"x{one}", "i", f"x{one}", "t", "d", float(one), 1.0, rule=rule(one))  # type: ignore[arg-type]
        for one in range(count)
    ]
    return Configuration(
        1,
        (
            Source("s", "i", "s", 1.0, 1.0),  # type: ignore[arg-type]
            Destination("d", "i", "d", "webhook", 1.0, 1.0),  # type: ignore[arg-type]
            Topic("t", "i", "t", 1.0, 1.0, sources=feeds),  # type: ignore[arg-type]
            *subscriptions,
        ),
    )


def _table(count: int, rule: Callable[[int], str]) -> RouteTable:
    table = next(iter(build(_configuration(count, rule), "").routes.values()))
    deliveries = plan(table, VIEW).deliveries
    if len(deliveries) != 1:
        raise SystemExit(f"{len(deliveries)} deliveries where one was wanted")
    return table


def _memory() -> dict[str, float]:
    """Bytes a subscription in a snapshot, its rule compiled and filed; and a change of one of many."""
    rule = RULES_OF_MANY["subject"]
    configuration = _configuration(MANY, lambda number: rule(number + MANY))
    gc.collect()
    tracemalloc.start()
    snapshot = build(configuration, "")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.process_time()
    build(configuration, "", snapshot)
    return {"bytes": held / MANY, "change_ms": (time.process_time() - began) * 1000}


def _others() -> dict[str, dict[str, float | str]]:
    """The same questions in other languages: each compiled once, the event as a plain dictionary."""
    ours = compile_rule(parse_expression("type = backup.failed and data.score > 80"))
    path = compile_rule(parse_ibm("$.data.parts[?(@.ok == false)].name == 'data'"))
    works: dict[str, Work] = {"tocsin": lambda: ours(VIEW), "tocsin, a path": lambda: path(VIEW)}
    versions = dict.fromkeys(works, "")
    for package, make in (
        ("cel-python", _cel_python),
        ("common-expression-language", _cel_rust),
        ("python-jsonpath", _jsonpath),
    ):
        try:
            versions[package] = importlib.metadata.version(package)
            works[package] = make()
        except (ImportError, importlib.metadata.PackageNotFoundError):
            continue
    for name, work in works.items():
        if not work():
            raise SystemExit(f"{name} says no where the answer is yes")
    found = {name: _interleaved({name: work}, 200)[name] for name, work in works.items()}
    return {name: {"microseconds": found[name], "version": versions[name]} for name in works}


CEL = 'event.type == "backup.failed" && event.data.score > 80'


def _cel_python() -> Work:
    celpy = importlib.import_module("celpy")
    environment = celpy.Environment()
    program = environment.program(environment.compile(CEL))
    given = {"event": celpy.json_to_cel(WHOLE)}
    return lambda: program.evaluate(given)


def _cel_rust() -> Work:
    cel = importlib.import_module("cel")
    program = cel.compile(CEL)
    return lambda: program.execute({"event": WHOLE})


def _jsonpath() -> Work:
    jsonpath = importlib.import_module("jsonpath")
    compiled = jsonpath.compile("$.data.parts[?(@.ok == false && @.name == 'data')]")
    return lambda: compiled.findall(WHOLE)


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    rule = result["rule"]
    print(f"\na typical rule: {rule['rule']:.3f} us, a lambda {rule['lambda']:.3f} us: {_judged(rule)}")
    for name, row in result["routing"].items():
        both = f"{row['few']:.1f} us with {FEW}, {row['many']:.1f} us with {MANY:,}"
        print(f"routing by {name}: {both}: {_judged(row)}")
    memory = result["memory"]
    print(
        f"a subscription takes {memory['bytes']:.0f} bytes; a change of {MANY:,} {memory['change_ms']:.0f} ms"
    )
    for name, row in result["others"].items():
        print(f"{name} {row['version']}: {row['microseconds']:.2f} us")


def _judged(row: dict[str, float]) -> str:
    verdict = "ok" if row["ratio"] <= row["target"] else "OVER"
    return f"x{row['ratio']:.2f}, target {row['target']:g} {verdict}"


if __name__ == "__main__":
    report(run())
