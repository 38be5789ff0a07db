"""Named SQL: every statement of a store lives in one commented file and is used by its name.

A statement starts with a line `-- name: its_name`; comment lines that follow explain it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- name: *([a-z][a-z0-9_]*) *$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_ROW = re.compile(r"VALUES (\(\?(?:, \?)*\))")


def load(path: Path) -> Mapping[str, str]:
    """The statements of a file by name, comments removed. Raises ValueError on a repeated name."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, str]:
    """The statements of a text by name, comments and the closing semicolon removed."""
    _, *parts = _NAME.split(text)
    statements: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"two statements are named {name}")
        statements[name] = _COMMENT.sub("", body).strip().removesuffix(";")
    return MappingProxyType(statements)


@functools.lru_cache(maxsize=512)
def widen(statement: str, rows: int) -> str:
    """The statement for many rows at once: its one `VALUES (?, ...)` list repeated `rows` times."""
    widened, found = _ROW.subn(lambda match: "VALUES " + ", ".join([match[1]] * rows), statement)
    if found != 1:
        raise ValueError("a statement for many rows has exactly one VALUES (?, ...) list")
    return widened
