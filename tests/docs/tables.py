"""The tables in the pages that follow from the code. A page holds them between marks:

    <!-- begin: settings -->
    ...
    <!-- end -->

`python -m tests.docs.tables` writes them anew; `test_docs.py` asserts that there is nothing to write.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway.api import connection
from gateway.domain import policy
from gateway.pipeline import claim, receive, throttle
from gateway.rules import limits, names
from gateway.service import keys, retention, subscriptions
from gateway.settings import PREFIX, Settings
from gateway.spi import cloudevents, outcome, signing, transport
from gateway.spi.cloudevents import json_text, meaning
from gateway.spi.discovery import destinations, source_formats
from gateway.spi.json_schema import admission
from gateway.spi.secret_fields import secret_fields
from gateway.spi.source_format import Credential
from gateway.spi.templates import limits as template_limits
from gateway.spi.templates.calls import HELPERS
from gateway.storage.sqlite import space
from gateway.telemetry.metrics import Metrics
from gateway.transport.limits import Limits as Outgoing
from schemas.templates import presets
from tests.docs.pages import DOCS
from tests.fakes.golden import golden

_MARKED = re.compile(r"(<!-- begin: (?P<name>[^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_days": "days"}

Row = Sequence[object]


def settings() -> str:
    """Every setting of the gateway."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field), _unit(name), field.description)
        for name, field in Settings.model_fields.items()
    ]
    return _table(("variable", "default", "unit", "meaning"), rows)


def metrics() -> str:
    """Every metric, by the name that it has when it is read."""
    rows = []
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            rows.append((f"`{name}`", family.type, labels, family.documentation))
    return _table(("metric", "type", "labels", "meaning"), rows)


def retry_schedule() -> str:
    """When a delivery is tried again, unless its destination has a schedule of its own."""
    since, rows = 0.0, [("1", "", "at once")]
    for number, wait in enumerate(policy.STANDARD_SCHEDULE, 2):
        since += wait
        rows.append((str(number), _duration(wait), _duration(since)))
    return _table(("try", "wait before it", "after the first try"), rows)


def kinds() -> str:
    """Every kind of destination, with the page that tells of it."""
    pages = {
        kind: page.relative_to(DOCS)
        for page in sorted((DOCS / "destinations").glob("*.md"))
        for kind in re.findall(r"<!-- begin: config of (\S+) -->", page.read_text(encoding="utf-8"))
    }
    rows = [
        (f"[{name}]({pages.get(name, 'destinations.md')}#{name})", kind.summary.rstrip("."), kind.stability)
        for name, kind in sorted(destinations().items())
    ]
    return _table(("kind", "what it is", "stability"), rows)


def config_of(kind: str) -> str:
    """The settings of a kind of destination."""
    return _fields(destinations()[kind].Config)


def address_of(kind: str) -> str:
    """What a subscription to a kind of destination adds."""
    return _fields(destinations()[kind].Address)


def vocabulary() -> str:
    """Where each word comes from, as `gateway.spi.cloudevents.meaning` says it."""
    lines = re.findall(r"^    ([a-z_]+) {2,}(.+)$", meaning.__doc__ or "", re.MULTILINE)
    return _table(
        ("word", "the first of these that is not empty"), [(f"`{word}`", text) for word, text in lines]
    )


def formats() -> str:
    """Every format that the gateway reads, and how its senders prove who they are."""
    said = {
        Credential.KEY: lambda _: "a key, as bearer token or password",
        Credential.HEADER: lambda one: f"a key in `{one.header}`",
        Credential.URL: lambda _: "a capability URL",
        Credential.NONE: lambda _: "none: it is asked",
    }
    rows = [
        (f"`{name}`", one.title, said[one.credential](one), one.summary)
        for name, one in sorted(source_formats().items())
    ]
    return _table(("format", "product", "credential", "what it reads"), rows)


def snippet_of(name: str) -> str:
    """What to paste at the product."""
    placed = Template(source_formats()[name].snippet).substitute(url="<url>", key="<key>")
    return f"```text\n{placed}\n```\n"


def kinds_of(name: str) -> str:
    """The table of what a format knows of its product's events."""
    known = importlib.import_module(f"adapters.sources.{name}").KINDS
    rows = [
        (f"`{kind}`", severity.word, outcome.value if outcome else "")
        for kind, (severity, outcome) in known.items()
    ]
    return _table(("type", "severity", "outcome"), rows)


def options_of(name: str) -> str:
    """What a source may say to its format."""
    fields = source_formats()[name].Options.model_fields.items()
    return _table(("option", "meaning"), [(f"`{one}`", field.description) for one, field in fields])


def operating_bounds() -> str:
    """What is fixed in the code and no setting."""
    return _bounds(
        ("failures in a row after which a destination gets one delivery at a time", throttle.NARROW_AFTER),
        ("failures in a row after which a destination is paused", throttle.OPEN_AFTER),
        ("first pause of a destination, doubled until the longest", _duration(throttle.FIRST_PAUSE)),
        ("longest pause that the gateway makes by itself", _duration(throttle.LONGEST_PAUSE)),
        ("least wait after `throttled` without a Retry-After", _duration(policy.THROTTLED_FLOOR)),
        (
            "shortest and longest Retry-After that is kept to",
            _span(transport.RETRY_AFTER_MIN, transport.RETRY_AFTER_MAX),
        ),
        ("longest time between two looks for due deliveries", _duration(claim.LONGEST_SLEEP)),
        ("idempotency keys are kept", _duration(retention.KEY_DAYS * retention.DAY)),
        ("time between two rounds of retention", _duration(retention.PRUNE_EVERY)),
        ("reserve file beside the store", _bytes(space.RESERVE)),
        ("kept of what went out, for each delivery", _bytes(outcome.MAX_SENT)),
        ("kept of what a receiver answered, for each try", _bytes(outcome.MAX_EXCERPT)),
        ("live keys of one source", keys.MAX_KEYS),
        ("recipients in one subscription", subscriptions.MAX_RECIPIENTS),
        ("deliveries that one event of a topic may cause", subscriptions.MAX_FAN_OUT),
    )


def request_bounds() -> str:
    """What a request with events may hold, beside what settings say."""
    return _bounds(
        ("headers of a request", receive.MAX_HEADERS),
        ("all headers of a request together", _bytes(receive.MAX_HEAD_BYTES)),
        ("one header", _bytes(connection.MAX_FIELD_BYTES)),
        ("nesting of JSON", json_text.MAX_DEPTH),
        ("problems told of one batch", cloudevents.batch.MAX_PROBLEMS),
        ("title of the vocabulary, in characters", meaning.MAX_TITLE),
        ("summary of the vocabulary, in characters", meaning.MAX_SUMMARY),
        ("a JSON Schema", _bytes(admission.MAX_SCHEMA_BYTES)),
    )


def rule_names() -> str:
    """The bare names that the gateway knows."""
    rows = [
        ("attributes of CloudEvents", _listed(names.CORE)),
        ("words of the vocabulary", _listed(names.VOCABULARY)),
        ("documented extensions", _listed(names.EXTENSIONS)),
    ]
    return _table(("which", "names"), rows)


def rule_bounds() -> str:
    """How large a rule may be."""
    return _bounds(
        ("characters of a rule", limits.MAX_LENGTH),
        ("levels of parentheses and `not`", limits.MAX_NESTING),
        ("values in one list", limits.MAX_ITEMS),
        ("steps in one path", limits.MAX_STEPS),
        ("characters of a glob", limits.MAX_GLOB),
        ("wildcards in a glob", limits.MAX_WILDCARDS),
        ("regular expressions in a rule", limits.MAX_PATTERNS),
        ("characters of a regular expression", limits.MAX_PATTERN),
        ("its steps, repetitions written out", limits.MAX_PATTERN_SIZE),
        ("steps times characters of text, in one evaluation", limits.MAX_PATTERN_WORK),
        ("paths that select several values, in one rule", limits.MAX_WIDE_PATHS),
        ("values that such a path may look at, in one event", limits.MAX_VISITS),
    )


def webhook_bounds() -> str:
    """What a receiver meets."""
    outgoing = Outgoing()
    return _bounds(
        (
            "one try, from name lookup to the last byte of the answer",
            _duration(destinations()["webhook"].timeout),
        ),
        ("answer that is read", _bytes(outgoing.answer_body)),
        ("connections to one origin", outgoing.connections_per_origin),
        ("an unused connection is kept", _duration(outgoing.idle_seconds)),
        ("age at which a connection is replaced", _duration(outgoing.connection_seconds)),
        ("difference of clocks that a signature allows", _duration(signing.TOLERANCE)),
    )


def golden_of(name: str) -> str:
    """What a receiver gets: a golden file as a block of code."""
    return f"```{name.rpartition('.')[2]}\n{golden(name).decode()}```\n"


def template_helpers() -> str:
    """Every helper."""
    rows = [
        (f"`{helper.usage}`", helper.says, "yes" if helper.predicate else "") for helper in HELPERS.values()
    ]
    return _table(("written as", "gives", "also a block"), rows)


def template_presets() -> str:
    """Every preset."""
    rows = [(f"`{one.name}`", f"`{one.type}`", one.description, one.source) for one in presets().values()]
    return _table(("preset", "type", "what it writes", "printed in"), rows)


def template_bounds() -> str:
    """How large a template may be, and how much work it may make."""
    return _bounds(
        ("characters of a part", template_limits.MAX_LENGTH),
        ("levels of blocks, and of sub-expressions", template_limits.MAX_NESTING),
        ("arguments of one helper", template_limits.MAX_ARGUMENTS),
        ("segments of one path", template_limits.MAX_SEGMENTS),
        ("steps of one rendering: values, blocks, and each 64 characters", template_limits.MAX_STEPS),
        ("rounds of all loops together", template_limits.MAX_ROUNDS),
        ("characters of the rendered text", template_limits.MAX_OUTPUT),
        ("levels of a value that is written", template_limits.MAX_VALUE_DEPTH),
    )


TABLES: dict[str, Callable[[], str]] = {
    "kinds": kinds,
    "settings": settings,
    "metrics": metrics,
    "retry schedule": retry_schedule,
    "vocabulary": vocabulary,
    "source formats": formats,
    "bounds of operation": operating_bounds,
    "bounds of requests": request_bounds,
    "rule names": rule_names,
    "bounds of rules": rule_bounds,
    "bounds of webhooks": webhook_bounds,
    "template helpers": template_helpers,
    "template presets": template_presets,
    "bounds of templates": template_bounds,
}


MADE_OF: dict[str, Callable[[str], str]] = {
    "config": config_of,
    "address": address_of,
    "golden": golden_of,
    "snippet": snippet_of,
    "kinds": kinds_of,
    "options": options_of,
}


def wanted(name: str) -> str:
    """The table that belongs between the marks of this name."""
    what, _, kind = name.partition(" of ")
    if kind and what in MADE_OF:
        return MADE_OF[what](kind)
    return TABLES[name]()


def marked(text: str) -> list[str]:
    """The names of all tables that a page has marks for."""
    return [found["name"] for found in _MARKED.finditer(text)]


def filled(text: str) -> str:
    """The page with all its tables as they should be."""
    return _MARKED.sub(lambda found: f"{found[1]}{wanted(found['name'])}{found[3]}", text)


def write() -> Iterable[Path]:
    """Bring all pages up to date; return those that were not."""
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            path.write_text(new, encoding="utf-8")
            yield path


def _fields(model: type[BaseModel]) -> str:
    secret = secret_fields(model)
    rows = [
        (f"`{name}`", field.title, _default(field), "yes" if name in secret else "", field.description)
        for name, field in model.model_fields.items()
    ]
    if not rows:
        return "Nothing to set.\n"
    return _table(("field", "title", "default", "secret", "meaning"), rows)


def _default(field: Any) -> str:
    if field.default_factory is not None:
        return "generated"
    if field.default is PydanticUndefined:
        return "required"
    value = field.default
    return "" if value in (None, "", (), [], {}) else f"`{_json(value)}`"


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _bounds(*rows: Row) -> str:
    return _table(("what", "bound"), rows)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))


def _span(least: float, most: float) -> str:
    return f"{_duration(least)}, {_duration(most)}"


def _duration(seconds: float) -> str:
    """A length of time in the largest unit that leaves a short number."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:g} s"


def _bytes(number: int) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size and number % size == 0:
            return f"{number // size} {unit}"
    return f"{number:,} bytes"


def _table(head: Sequence[str], rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"|{''.join(map(_cell, line))}\n" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    inside = " ".join(text.replace("|", "\\|").split())
    return f" {inside} |" if inside else " |"


if __name__ == "__main__":
    for changed in write():
        sys.stdout.write(f"wrote {changed.relative_to(DOCS.parent)}\n")
