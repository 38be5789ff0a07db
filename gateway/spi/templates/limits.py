"""How large, deep and costly a template may be, and how much work one rendering may do.

Work is counted in steps, not seconds, so that a template that renders once renders everywhere.
"""

from __future__ import annotations

MAX_LENGTH = 20_000
"""Characters of template text (IBM EN: body at most 20 000)."""
MAX_NESTING = 32
"""Blocks inside one another, and sub-expressions inside one another."""
MAX_ARGUMENTS = 64
"""Arguments of one call."""
MAX_SEGMENTS = 64
"""Segments of one path; data is itself at most 64 deep."""
MAX_STEPS = 100_000
"""Values, blocks and rounds of one rendering; a text counts one more for every 64 characters handed on."""
MAX_ROUNDS = 10_000
"""Rounds of all loops of one rendering together."""
MAX_OUTPUT = 256 * 1024
"""Characters of the rendered text."""
MAX_VALUE_DEPTH = 64
"""Levels of a value that is written as JSON."""
CHARACTERS_A_STEP = 64
