"""How large, deep and costly a rule may be, whoever wrote it and in whatever dialect.

The dialects keep these bounds while they read; `check` keeps them for every tree that is compiled.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.errors import Invalid
from gateway.rules.tree import Atom, Finds, In, Path, Rule, atoms, children, conditions

MAX_LENGTH = 4096
"""Characters of rule text."""
MAX_NESTING = 32
"""Parentheses and negations around one another in rule text."""
MAX_ITEMS = 200
"""Literals in one list."""
MAX_STEPS = 64
"""Steps in one path; data is itself at most 64 deep."""
MAX_WILDCARDS = 16
"""Wildcards in one glob."""
MAX_GLOB = 256
"""Characters of one glob."""
MAX_WIDE_PATHS = 16
"""Paths in one rule that select several values."""
MAX_VISITS = 10_000
"""Values that one such path may look at in one event."""
MAX_GLOB_WORK = 1 << 22
"""Characters of a value times characters of the glob, where the glob needs a search with `?`."""
MAX_PATTERN = 256
"""Characters of one regular expression."""
MAX_PATTERN_SIZE = 512
"""Steps of one regular expression once its repetitions are written out: `(ab){20}` has 40."""
MAX_PATTERNS = 8
"""Regular expressions in one rule."""
MAX_PATTERN_WORK = 1 << 21
"""Characters of values times steps of the expressions that look at them, in one evaluation of a rule."""
MAX_TREE_DEPTH = 128
"""Levels of a tree; text nested to the limit comes to about 100."""
MAX_TREE_NODES = 4096
"""Nodes of a tree."""


def check(rule: Rule) -> None:
    """Refuse a tree that is too large, whatever built it; raises Invalid `rule_too_complex`."""
    found: list[Rule] = []
    for count, (node, depth) in enumerate(_nodes(rule), 1):
        if depth > MAX_TREE_DEPTH:
            raise too_complex("the rule is nested too deeply", f"at most {MAX_TREE_DEPTH} levels")
        if count > MAX_TREE_NODES:
            raise too_complex("the rule is too large", f"at most {MAX_TREE_NODES} parts")
        found.append(node)
    _check_atoms([atom for node in found if not children(node) for atom in atoms(node)])


def too_complex(detail: str, expected: str) -> Invalid:
    """The error for a rule that is over a bound."""
    return Invalid("rule_too_complex", detail, expected=expected)


def _nodes(rule: Rule) -> Iterator[tuple[Rule, int]]:
    waiting = [(rule, 1)]
    while waiting:
        rule, depth = waiting.pop()
        yield rule, depth
        waiting.extend((child, depth + 1) for child in (*children(rule), *conditions(rule)))


def _check_atoms(found: list[Atom]) -> None:
    for atom in found:
        if isinstance(atom, In) and len(atom.literals) > MAX_ITEMS:
            raise too_complex(f"a list holds {len(atom.literals)} values", f"at most {MAX_ITEMS}")
        if isinstance(atom.operand, Path) and len(atom.operand.steps) > MAX_STEPS:
            raise too_complex(f"a path has {len(atom.operand.steps)} steps", f"at most {MAX_STEPS}")
    wide = sum(isinstance(atom.operand, Path) and not atom.operand.is_singular for atom in found)
    if wide > MAX_WIDE_PATHS:
        raise too_complex(
            f"the rule has {wide} paths that select several values", f"at most {MAX_WIDE_PATHS} of them"
        )
    patterns = sum(isinstance(atom, Finds) for atom in found)
    if patterns > MAX_PATTERNS:
        raise too_complex(f"the rule has {patterns} regular expressions", f"at most {MAX_PATTERNS}")
