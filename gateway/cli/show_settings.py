"""`tocsin settings`: every knob of the gateway, what it is set to, and by what."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.cli.screen import Format, say, show_json, show_rows
from gateway.settings import FILE_FIELDS, PREFIX, SECRET_FIELDS, Settings, load, without_password

COLUMNS = ("setting", "value", "set_by", "meaning")
MASK = "(secret)"
NOTE = """
Each but the secrets is also an option of `tocsin serve`. TOCSIN_CONFIG names a TOML file with the same names
in lower case, without TOCSIN_. A secret may stand in a file that TOCSIN_ADMIN_KEY_FILE and the like name."""


def settings(*, output: Format = "table") -> int:
    """List every setting of `tocsin serve`: its variable, its value in this shell, where that comes from."""
    current = load()
    rows = list(_rows(current, _of_file()))
    if output == "json":
        show_json(rows)
        return 0
    show_rows(rows, COLUMNS, output)
    say(NOTE)
    return 0


def _rows(current: Settings, of_file: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, field in Settings.model_fields.items():
        value = getattr(current, name)
        shown = MASK if name in SECRET_FIELDS and value else value
        shown = without_password(shown) if name == "database" else shown
        default = field.get_default()
        yield {
            "setting": PREFIX + name.upper(),
            "value": str(shown) if isinstance(shown, Path) else shown,
            "set_by": _origin(name, of_file),
            "default": str(default) if isinstance(default, Path) else default,
            "meaning": field.description,
        }


def _origin(name: str, of_file: dict[str, Any]) -> str:
    variable = PREFIX + name.upper()
    for source in (f"{variable}_FILE", variable) if name in FILE_FIELDS else (variable,):
        if os.environ.get(source) is not None:
            return source
    return f"{PREFIX}CONFIG" if name in of_file else "default"


def _of_file() -> dict[str, Any]:
    """What the settings file sets; `load` has found it readable."""
    path = os.environ.get(f"{PREFIX}CONFIG")
    return tomllib.loads(Path(path).read_text(encoding="utf-8")) if path else {}
