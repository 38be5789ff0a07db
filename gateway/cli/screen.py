"""What commands show: tables for people, JSON for programs, refusals on stderr.

Events and names come from strangers: what a terminal would obey is shown as an escape instead.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.domain.errors import Refused

Format = Annotated[
    Literal["table", "json"], Parameter(name=["--output", "-o"], help="How the answer is shown.")
]

WIDE = 10_000
"""Columns where no terminal says how many there are: nothing is cut for a program that reads a table."""

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, and those that reorder the text around them."""


def console(*, stderr: bool = False) -> Console:
    """The terminal, or a stream without colours."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False, soft_wrap=False)


def plain(value: object) -> str:
    """A value in one line that a terminal does not obey."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(plain, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(text.replace("\n", " ").replace("\t", " "))


def safe(text: str) -> str:
    """Text, line ends and tabs kept, with everything else that a terminal obeys escaped."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def show_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], output: str) -> None:
    """Rows as a table of these columns, or whole as a JSON array. `a.b` is member b of column a.

    A column that no row has anything in is left out. Ids stay whole, since they are copied.
    """
    found = list(rows)
    if output == "json":
        show_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    filled = [column for column in columns if any(plain(_member(row, column)) for row in found)]
    for column in filled:
        name = column.rpartition(".")[2]
        whole = name == "id" or name.endswith("_id")
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=whole)
    for row in found:
        table.add_row(*(Text(plain(_member(row, column))) for column in filled))
    console().print(table if found else Text("none", style="dim"))


def show_one(row: Mapping[str, Any], output: str) -> None:
    """One thing: its members one below the other, empty ones left out, or as JSON."""
    if output == "json":
        show_json(row)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        _add_member(table, name.replace("_", " "), value)
    console().print(table)


def _add_member(table: Table, name: str, value: object) -> None:
    if isinstance(value, Mapping) and value:
        for inner, part in value.items():
            _add_member(table, f"{name}.{inner}", part)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, 1):
            _add_member(table, f"{name} {number}", one)
    elif value not in (None, "", [], {}):
        table.add_row(Text(safe(name)), Text(plain(value)))


def show_json(value: object) -> None:
    """JSON to stdout, as it came."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(safe(text) + "\n")


def say(text: str) -> None:
    """A line for people; on stderr, so that stdout holds nothing but the answer."""
    console(stderr=True).print(Text(safe(text)))


def show_refusal(refused: Refused) -> None:
    """Every problem with its code, place and remedy."""
    for problem in refused.problems:
        where = f" at {problem.pointer}" if problem.pointer else ""
        say(f"refused, {problem.code}{where}: {problem.detail}")
        if problem.expected:
            say(f"  expected: {problem.expected}")


def _member(row: Mapping[str, Any], path: str) -> object:
    value: object = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
