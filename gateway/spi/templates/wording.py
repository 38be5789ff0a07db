"""Helpers that make text of values: case, length, lists, JSON, percent-encoding, escaping by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from gateway.domain.view import MISSING
from gateway.spi.templates.comparing import number_of
from gateway.spi.templates.failure import RenderFailed
from gateway.spi.templates.helper import ArgumentError, Arguments, Helper, Named
from gateway.spi.templates.limits import MAX_OUTPUT
from gateway.spi.templates.run import Run, too_long
from gateway.spi.templates.target import ESCAPES, JSON_TARGETS, Target
from gateway.spi.templates.values import Array, is_true, json_of, json_string, member, text_of

_ELLIPSIS = "…"


def _upper(run: Run, values: Arguments, _: Named) -> str:
    return text_of(values[0], run).upper()


def _lower(run: Run, values: Arguments, _: Named) -> str:
    return text_of(values[0], run).lower()


def _default(run: Run, values: Arguments, _: Named) -> object:
    return values[1] if values[0] is None or values[0] is MISSING or values[0] == "" else values[0]


def _truncate(run: Run, values: Arguments, _: Named) -> str:
    text, mark = text_of(values[0], run), text_of(values[2], run) if len(values) > 2 else _ELLIPSIS
    limit = number_of(values[1])
    if limit is None or limit < 0:
        raise RenderFailed("template_value", "`truncate` needs a number of characters")
    if len(text) <= limit:
        return text
    return text[: max(int(limit) - len(mark), 0)] + mark[: int(limit)]


def _url(run: Run, values: Arguments, _: Named) -> str:
    return quote(text_of(values[0], run), safe="", errors="replace")


def _json(run: Run, values: Arguments, named: Named) -> str:
    return json_of(values[0], run, pretty=is_true(named.get("pretty", False)))


def _join(run: Run, values: Arguments, _: Named) -> str:
    between = text_of(values[1], run) if len(values) > 1 else ", "
    parts = (
        [text_of(one, run) for one in values[0]]
        if isinstance(values[0], Array)
        else [text_of(values[0], run)]
    )
    if len(parts) * len(between) > MAX_OUTPUT:
        too_long()
    return between.join(parts)


def _between(run: Run, values: Arguments, _: Named) -> str:
    """'' where the text has no such place."""
    text, before, behind = (text_of(one, run) for one in values)
    if before not in text:
        return ""
    rest = text[text.index(before) + len(before) :]
    return rest.partition(behind)[0] if behind else rest


def _lookup(run: Run, values: Arguments, _: Named) -> object:
    return member(values[0], text_of(values[1], run))


def _escape(run: Run, values: Arguments, _: Named) -> str:
    text = text_of(values[0], run)
    if len(values) == 1:
        return text
    return json_string(text) if values[1] in JSON_TARGETS else ESCAPES[Target(str(values[1]))](text)


def _check_target(fixed: Mapping[int | str, object]) -> None:
    if 1 in fixed and fixed[1] not in set(Target):
        raise ArgumentError("this is nothing to escape for", f"one of {', '.join(Target)}")


def _personal(run: Run, values: Arguments, _: Named) -> object:
    """IBM's personalization: the member of the first address that has one (en-email-templates.md)."""
    people, addresses, name = values
    for address in _addresses(addresses, run):
        person = member(people, address)
        if isinstance(person, Mapping):
            return member(person, text_of(name, run))
    return ""


def _addresses(value: object, run: Run) -> list[str]:
    """The addresses in a list, in the JSON text of one, or just the text."""
    if isinstance(value, str):
        run.spend(len(value))
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [str(value)]
    found = value if isinstance(value, list | tuple) else [value]
    return [one for one in found if isinstance(one, str)]


WORDING: Mapping[str, Helper] = {
    "upper": Helper(_upper, 1, 1, "upper a", "in capitals"),
    "lower": Helper(_lower, 1, 1, "lower a", "in small letters"),
    "default": Helper(_default, 2, 2, "default a b", "b where a is missing, null or empty"),
    "truncate": Helper(
        _truncate,
        2,
        3,
        'truncate a 80 "…"',
        "at most so many characters, with this at the end of what was cut",
    ),
    "between": Helper(_between, 3, 3, 'between a "from " " to"', "the part of a text between two others"),
    "join": Helper(_join, 1, 2, 'join list ", "', "the elements of a list, with this between"),
    "lookup": Helper(
        _lookup, 2, 2, "lookup a name", "what is at a name or a position that is a value itself"
    ),
    "json": Helper(
        _json, 1, 1, "json a pretty=true", "as JSON; indented with `pretty`", named=frozenset({"pretty"})
    ),
    "url": Helper(_url, 1, 1, "url a", "percent-encoded"),
    "url-encode": Helper(_url, 1, 1, "url-encode a", "the same as `url` (Proxmox)"),
    "escape": Helper(
        _escape,
        1,
        2,
        'escape a "html"',
        "escaped for another syntax; without one it is as it is, since every value is escaped (Proxmox)",
        fixed=frozenset({1}),
        check=_check_target,
    ),
    "ibmenreferer": Helper(
        _personal, 3, 3, "ibmenreferer personalization ibmenmailto 'name'", "a recipient's own value (IBM)"
    ),
}
