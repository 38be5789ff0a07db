"""JSON documents that commands read from files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gateway.domain.errors import ConfigurationError

STANDARD_INPUT = Path("-")


def read_json(path: Path, option: str) -> Any:
    """The JSON value in a file, or on standard input for `-`. Raises ConfigurationError naming `option`."""
    try:
        text = sys.stdin.read() if path == STANDARD_INPUT else path.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{option}: {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{option}: {path} is not JSON: {error}") from None


def read_json_object(path: Path, option: str) -> dict[str, Any]:
    """The JSON object in a file. Raises ConfigurationError naming `option`."""
    found = read_json(path, option)
    if not isinstance(found, dict):
        raise ConfigurationError(f"{option}: {path} must hold a JSON object")
    return found
