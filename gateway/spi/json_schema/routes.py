"""Where a schema leads: to which schemas for the same value, its members and its items, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.spi.json_schema.document import Child, Document, below, children
from gateway.spi.json_schema.linear import positions

_IN_PLACE = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"}
)
_REPEATING = frozenset({"unevaluatedItems", "unevaluatedProperties"})
_REPEATED = 3
"""How often the engine asks what lies beside an `unevaluated...` keyword (measured: below 2.7)."""


@dataclass(slots=True)
class Routes:
    """What one schema applies, by place.

    `here` to the same value, `factor` times; `named`, `matched` and `others` to its members, `names` to their
    names; `indexed`, `items` and `every_item` to its items. None stands for true and false.
    """

    cost: int = 1
    factor: int = 1
    here: list[str] = field(default_factory=list)
    named: dict[str, str | None] = field(default_factory=dict)
    matched: list[str | None] = field(default_factory=list)
    others: list[str | None] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    indexed: list[str | None] = field(default_factory=list)
    items: list[str | None] = field(default_factory=list)
    every_item: list[str | None] = field(default_factory=list)

    def at(self, index: int) -> list[str | None]:
        """What applies to the item at an index."""
        return [self.indexed[index]] if index < len(self.indexed) else self.items


def routes(document: Document, place: str) -> Routes:
    """Where the schema at a place leads."""
    schema = document.places[place]
    if not isinstance(schema, dict):
        return Routes()
    found = Routes(cost=_cost(schema))
    if isinstance(ref := schema.get("$ref"), str) and (target := document.target(ref, place)) is not None:
        found.here.append(target)
        if document.dialect.ref_stands_alone:
            return found
    if not _REPEATING.isdisjoint(schema):
        found.factor = _REPEATED
    for child in children(schema):
        _sort(found, child, None if isinstance(child.schema, bool) else below(place, child))
    return found


def _sort(found: Routes, child: Child, place: str | None) -> None:
    """File a child under what it applies to; a child that is true or false costs nothing and has no place."""
    if child.keyword == "properties":
        found.named[str(child.key)] = place
    elif child.keyword in {"prefixItems", "items"} and child.key is not None:
        found.indexed.append(place)
    elif place is not None and child.keyword in _IN_PLACE:
        found.here.append(place)
    elif place is not None:
        _filed(found, child.keyword).append(place)


def _filed(found: Routes, keyword: str) -> list[str | None]:
    return {
        "additionalItems": found.items,
        "additionalProperties": found.others,
        "contains": found.every_item,
        "items": found.items,
        "patternProperties": found.matched,
        "propertyNames": found.names,
        "unevaluatedItems": found.every_item,
        "unevaluatedProperties": found.matched,
    }.get(keyword, [])


_COSTS = {"contains": 5, "format": 10, "multipleOf": 40, "uniqueItems": 10}
_FORMATS = {"email": 10, "idn-email": 10, "idn-hostname": 60}
"""Units beyond the one of every schema, and those of slow formats beyond these (measured)."""


def _cost(schema: dict[str, object]) -> int:
    """Units of one schema's own keywords."""
    cost = 1
    for keyword, value in schema.items():
        if keyword in _COSTS:
            cost += _FORMATS.get(value, 0) if isinstance(value, str) else 0
            cost += _COSTS[keyword]
        elif keyword == "pattern" and isinstance(value, str):
            cost += positions(value)
        elif keyword == "patternProperties" and isinstance(value, dict):
            cost += sum(map(positions, value))
        elif keyword in {"enum", "const"}:
            cost += _comparisons(value)
        elif keyword in {"dependentRequired", "dependentSchemas", "dependencies"} and isinstance(value, dict):
            cost += len(value)
    return cost


def _comparisons(value: object) -> int:
    """Alternatives that are all texts or all integers are looked up; others are compared, ten units each."""
    alternatives = value if isinstance(value, list) else [value]
    kinds = {type(each) for each in alternatives}
    if len(kinds) == 1 and kinds <= {str, int}:
        return 1
    return 10 * sum(map(_nodes, alternatives))


def _nodes(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1
