"""What the code says that the pages have to say too: error codes, log events, reasons of deliveries.

Read from the source itself, so that nothing has to be registered a second time.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gateway.api import problem
from gateway.domain import attributes, errors
from gateway.domain.errors import Invalid, Refused
from tests.docs.pages import ROOT

CLIENT = ROOT / "gateway" / "cli"
"""What the command line tells its user is no answer of the gateway."""

STATUSES = {
    name: kind.status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Refused)
} | dict.fromkeys(("TemplateInvalid", "RenderFailed"), Invalid.status)
"""By the class that is raised; a template that fails in a preview is answered like one that is none."""
CODE_AT = dict.fromkeys(STATUSES, 0) | {"Problem": 0, "Failure": 2}
"""Which argument holds the code of an error."""

TABLES = {
    "gateway/api/problem.py": {code for code, _ in problem._HTTP_CODES.values()},
    "gateway/domain/attributes.py": {code for _, code, _, _ in attributes._GRAMMARS.values()},
}
"""Codes that stand in a table of their file and are taken from there by the name `code`."""

MAKERS = ROOT / "gateway" / "domain" / "errors.py"
"""Where errors are defined; nothing is raised there."""

OF_LIBRARIES = {"item['type']"}
"""Where a code is that of a library: pydantic's, for the single problems of a body."""


@dataclass(frozen=True)
class _Raised:
    """An error made somewhere: which, and the expression that its code is."""

    file: Path
    maker: str
    call: ast.Call
    code: ast.expr
    inside: tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]


@cache
def answered() -> dict[str, set[int]]:
    """Every error code that the gateway can answer, with the statuses that it brings with it."""
    found: dict[str, set[int]] = defaultdict(set)
    for raised in _all_raised():
        for code in _codes(raised):
            found[code] |= _statuses(raised)
    for codes in TABLES.values():
        for code in codes:
            found[code] |= {status for status, (own, _) in problem._HTTP_CODES.items() if own == code}
    return dict(found)


@cache
def unresolved() -> set[str]:
    """The codes that cannot be read from the source: none may be left but those of libraries."""
    return {
        f"{raised.file.relative_to(ROOT)}: {ast.unparse(raised.code)}"
        for raised in _all_raised()
        if not _codes(raised) and not _is_passed_on(raised)
    }


def logged() -> dict[str, set[str]]:
    """The name of every log event, with its levels."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (*_sources(ROOT / "gateway", ROOT / "adapters"), *CLIENT.rglob("*.py")):
        for call in _calls(_tree(path)):
            is_log = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "log"
            if is_log and call.args and isinstance(call.args[0], ast.Constant):
                found[call.args[0].value].add(_name(call))
    return dict(found)


def reasons_in_sql() -> set[str]:
    """The reasons that statements of the store write onto deliveries."""
    text = (ROOT / "gateway/storage/sqlite/queries.sql").read_text(encoding="utf-8")
    return set(re.findall(r"reason = '([a-z_]+)'", text))


def reasons_given_back() -> set[str]:
    """The reasons with which deliveries go back to the store untried."""
    found = set()
    for path in _sources(ROOT / "gateway"):
        for call in _calls(_tree(path)):
            name = ast.unparse(call.func)
            if name.endswith("give_back") or (name == "Settlement" and "State.PENDING" in ast.unparse(call)):
                found |= {part.value for part in call.args if _is_slug(part)}
    return found


def _is_slug(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and bool(re.fullmatch(r"[a-z_]+", str(expression.value)))


def _sources(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*.py")) if CLIENT not in path.parents)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


@cache
def _all_raised() -> tuple[_Raised, ...]:
    return tuple(
        raised
        for path in _sources(ROOT / "gateway", ROOT / "adapters")
        if path != MAKERS
        for raised in _raised_in(path)
    )


def _raised_in(path: Path) -> Iterator[_Raised]:
    waiting: list[tuple[ast.AST, tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]]] = [(_tree(path), ())]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Call) and (code := _code_argument(node)) is not None:
            yield _Raised(path, _name(node), node, code, inside)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = (*inside, node)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _code_argument(call: ast.Call) -> ast.expr | None:
    maker = _name(call)
    if maker not in CODE_AT or not isinstance(call.func, ast.Name):
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    return named[0] if named else call.args[CODE_AT[maker]] if len(call.args) > CODE_AT[maker] else None


def _codes(raised: _Raised) -> set[str]:
    """The texts that the code can be."""
    if isinstance(raised.code, ast.IfExp):
        branches = (raised.code.body, raised.code.orelse)
        return {code for branch in branches for code in _codes(replace(raised, code=branch))}
    expression = raised.code
    if isinstance(expression, ast.Constant):
        return {expression.value}
    if isinstance(expression, ast.JoinedStr):
        return _written_out(expression, raised)
    if isinstance(expression, ast.Name):
        return _named(expression.id, raised)
    return set()


def _written_out(text: ast.JoinedStr, raised: _Raised) -> set[str]:
    """An f-string with one hole, for every value of the hole."""
    before, hole = text.values
    assert isinstance(before, ast.Constant) and isinstance(hole, ast.FormattedValue)
    assert isinstance(hole.value, ast.Name)
    return {f"{before.value}{value}" for value in _named(hole.value.id, raised)}


def _named(name: str, raised: _Raised) -> set[str]:
    """The values of a constant of the module, or of a parameter as all callers give it."""
    for function in reversed(raised.inside):
        if name in [argument.arg for argument in _parameters(function)]:
            return _given(function, name)
    return {
        node.value.value
        for node in _tree(raised.file).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if ast.unparse(node.targets[0]) == name
    }


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*function.args.args, *function.args.kwonlyargs]


def _given(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> set[str]:
    positional = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
    found = {
        default.value
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if argument.arg == name and isinstance(default, ast.Constant)
    }
    for path in _sources(ROOT / "gateway", ROOT / "adapters"):
        for call in _calls(_tree(path)):
            if _name(call) != function.name:
                continue
            given = [keyword.value for keyword in call.keywords if keyword.arg == name]
            if name in positional and len(call.args) > positional.index(name):
                given.append(call.args[positional.index(name)])
            found |= {one.value for one in given if isinstance(one, ast.Constant)}
    return found


def _is_passed_on(raised: _Raised) -> bool:
    """Whether the code is that of another error, or stands in a table that is known, or is a library's."""
    if isinstance(raised.code, ast.Attribute) and raised.code.attr == "code":
        return True
    text = ast.unparse(raised.code)
    return text in OF_LIBRARIES or (text == "code" and str(raised.file.relative_to(ROOT)) in TABLES)


def _statuses(raised: _Raised) -> set[int]:
    if raised.maker in STATUSES:
        return {STATUSES[raised.maker]}
    first = raised.call.args[0]
    if raised.maker == "Failure" and isinstance(first, ast.Constant):
        return {int(first.value)}
    return set()
