"""Why a value was refused: pointer, reason and what would be right, by `jsonschema` within a budget.

Left to itself `jsonschema` can be stopped by a schema or a value: patterns backtrack, unique items are
compared pair by pair, branches multiply, messages hold the whole value. Here every step of it is
paid for from a budget, `keywords` replaces what is not linear, values print as excerpts, and a `$ref` is
looked up in a table of `linked` schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice
from typing import Any

import referencing
from jsonschema import FormatChecker
from jsonschema.exceptions import FormatError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from gateway.domain.errors import Problem, pointer_token
from gateway.spi.json_schema import keywords
from gateway.spi.json_schema.document import Dialect
from gateway.spi.json_schema.excerpt import nodes, plain, short
from gateway.spi.json_schema.linear import Linear, positions
from gateway.spi.json_schema.linked import Table
from gateway.spi.json_schema.wording import detail, expected

BUDGET = 20_000
"""Steps for one explanation: one for each keyword asked, and one for each name or item it goes through."""

COMPILING = 50
"""Steps that compiling one pattern or format counts for."""

USUAL_RATE = 100
"""Steps for 2,000 characters of a text or values of an array; a pattern's rate is its number of positions."""

MAX_POINTER = 500
"""Characters; a longer pointer is cut to an ancestor that fits."""

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

_SAFE: dict[str, Keyword] = {
    "$ref": keywords.ref,
    "additionalItems": keywords.additional_items,
    "additionalProperties": keywords.additional_properties,
    "items": keywords.items,
    "multipleOf": keywords.multiple_of,
    "pattern": keywords.pattern,
    "patternProperties": keywords.pattern_properties,
    "prefixItems": keywords.prefix_items,
    "properties": keywords.properties,
    "required": keywords.required,
    "unevaluatedItems": keywords.unevaluated_items,
    "unevaluatedProperties": keywords.unevaluated_properties,
    "uniqueItems": keywords.unique_items,
}
_GOES_THROUGH = frozenset(
    {
        *("additionalProperties", "contains", "patternProperties"),
        *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_LOOKS_INTO = frozenset({"const", "enum"})

_LIBRARY_FAILURES = (ArithmeticError, LookupError, TypeError, ValueError)
"""What `jsonschema` raises where it has a bug: the value is wrong all the same, and must not become a 500."""


class BudgetSpent(Exception):
    """The explanation has taken as many steps as it may."""


class Run(FormatChecker):
    """One explanation: what is left of its budget, and what its keywords ask.

    It travels as the format checker, because that is what `jsonschema` hands to every keyword.
    """

    def __init__(self, dialect: Dialect, targets: Table) -> None:
        super().__init__(formats=())
        self.targets = targets
        self._linear = Linear(dialect.engine)
        self._left = BUDGET
        self._rates: dict[tuple[str, Any], int] = {}

    def spend(self, steps: int) -> None:
        """Pay for steps; raises BudgetSpent when there are none left."""
        self._left -= steps
        if self._left < 0:
            raise BudgetSpent

    def holds(self, keyword: str, value: Any, instance: Any) -> bool:
        """Whether a text, a number or an array satisfies one keyword alone."""
        rate = self._rates.get((keyword, value))
        if rate is None:
            self.spend(COMPILING)
            rate = self._rates[keyword, value] = positions(value) if keyword == "pattern" else USUAL_RATE
        self.spend(1 + rate * (len(instance) if isinstance(instance, str) else nodes(instance)) // 2_000)
        return self._linear.holds(keyword, plain(value), plain(instance))

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern is found in a text."""
        return self.holds("pattern", pattern, text)

    def check(self, instance: object, format: str) -> None:
        """Raises FormatError where a text is not in a format (`jsonschema` calls this for `format`)."""
        if isinstance(instance, str) and not self.holds("format", format, instance):
            raise FormatError(f"{instance!r} is not in the format {format!r}")


class Refusal:
    """The reasons of one schema, which stands at `#` in a table of linked schemas."""

    def __init__(self, dialect: Dialect, table: Table) -> None:
        self._dialect = dialect
        self._table = table

    def problems(self, instance: Any, limit: int, at: str) -> tuple[Problem, ...]:
        """At least one problem and at most `limit`, for a value that was found invalid."""
        return self.found(instance, limit, at) or (_unexplained(at),)

    def found(self, instance: Any, limit: int = 1, at: str = "") -> tuple[Problem, ...]:
        """What `jsonschema` finds wrong before the budget is spent, each problem once."""
        run = Run(self._dialect, self._table)
        validator = _bounded(self._dialect.reference)(
            self._table["#"], format_checker=run, registry=referencing.Registry()
        )
        found: dict[Problem, None] = {}
        try:
            for error in islice(validator.iter_errors(short(instance)), 2 * limit):
                found[_problem(error, at)] = None
        except (BudgetSpent, RecursionError, *_LIBRARY_FAILURES):
            pass
        return tuple(islice(found, limit))


@cache
def _bounded(reference: type[Validator]) -> type[Validator]:
    """A draft's validator class: every keyword pays its steps to the Run, the unbounded ones are replaced."""
    safe = {name: keyword for name, keyword in _SAFE.items() if name in reference.VALIDATORS}
    functions: dict[str, Keyword] = {**reference.VALIDATORS, **safe}
    paying = {name: _paying(name, function) for name, function in functions.items()}
    made: type[Validator] = extend(reference, paying)  # type: ignore[no-untyped-call] # untyped upstream
    return made


def _paying(name: str, function: Keyword) -> Keyword:
    def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        validator.format_checker.spend(_steps(name, value, instance))
        return function(validator, value, instance, schema)

    return keyword


def _steps(name: str, value: Any, instance: Any) -> int:
    if name in _LOOKS_INTO:
        return 1 + nodes(value)
    steps = 1 + (len(value) if isinstance(value, list | dict) else 0)
    if name in _GOES_THROUGH and isinstance(instance, list | dict):
        steps += len(instance)
    return steps


def _problem(error: ValidationError, at: str) -> Problem:
    closest = _closest(error)
    return Problem("schema_violated", detail(closest), at + _pointer(closest), expected(closest))


def _closest(error: ValidationError) -> ValidationError:
    """The error inside `anyOf` or `oneOf` that the sender most likely has to mend, where one stands out."""
    try:
        return best_match([error]) or error
    except TypeError:  # names and indices beside each other have no order
        return error


def _pointer(error: ValidationError) -> str:
    pointer = ""
    for token in error.absolute_path:
        longer = f"{pointer}/{pointer_token(str(token))}"
        if len(longer) > MAX_POINTER:
            break
        pointer = longer
    return pointer


def _unexplained(at: str) -> Problem:
    text = "the value does not match the schema; the reason takes too long to tell"
    return Problem("schema_violated", text, at)
