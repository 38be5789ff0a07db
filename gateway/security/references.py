"""Secrets that live elsewhere: `env:NAME` and `file:PATH`, read when used and again when they change.

A reference lets whoever may configure a destination read something of the gateway's own machine, so the
operator lists what may be referred to (`TOCSIN_REFERENCES`): names of environment variables, and files or
folders. Anything else is refused with the line to add.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.domain.errors import Invalid

ENV, FILE = "env:", "file:"
IN_FOLDER = ("url", "webhook-url")
"""The files looked for when a reference names a folder, as Kubernetes mounts a Secret; Kymaros'
examples name either."""

MAX_BYTES = 64 * 1024


def is_reference(text: object) -> bool:
    """Whether a text stands for a secret that lives elsewhere."""
    return isinstance(text, str) and text.startswith((ENV, FILE))


class References:
    """Resolves references that the operator allows."""

    def __init__(self, allowed: str = "", environment: Mapping[str, str] | None = None) -> None:
        entries = [entry.strip() for entry in allowed.split(",") if entry.strip()]
        self._names = frozenset(entry.removeprefix(ENV) for entry in entries if entry.startswith(ENV))
        self._places = tuple(_real(entry.removeprefix(FILE)) for entry in entries if entry.startswith(FILE))
        self._environment = os.environ if environment is None else environment
        self._read: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def resolve(self, text: str) -> str:
        """The secret that a text is or stands for. Raises Invalid when it may not or cannot be read."""
        if text.startswith(ENV):
            return self._variable(text.removeprefix(ENV))
        if text.startswith(FILE):
            return self._content(text.removeprefix(FILE))
        return text

    def _variable(self, name: str) -> str:
        if name not in self._names:
            raise _refused(f"{ENV}{name}")
        value = self._environment.get(name)
        if value is None:
            raise _unreadable(f"{ENV}{name}", "the environment variable is not set")
        return value

    def _content(self, path: str) -> str:
        place = _real(path)
        if not any(place == allowed or allowed in place.parents for allowed in self._places):
            raise _refused(f"{FILE}{path}")
        if place.is_dir():
            place = next(
                (place / name for name in IN_FOLDER if (place / name).is_file()), place / IN_FOLDER[0]
            )
        try:
            status = place.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._read.get(place)
            if known is None or known[0] != mark:
                known = (mark, _text(place))
                self._read[place] = known
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(f"{FILE}{path}", f"the file cannot be read: {type(error).__name__}") from error
        return known[1]


def _real(path: str) -> Path:
    """The path without links and dots, so that a listed folder cannot be left through one."""
    return Path(os.path.realpath(path))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_BYTES).decode().strip()


def _refused(reference: str) -> Invalid:
    return Invalid(
        "reference_refused",
        f"{reference} may not be referred to",
        expected=f"the operator to allow it: TOCSIN_REFERENCES={reference}",
    )


def _unreadable(reference: str, why: str) -> Invalid:
    return Invalid("reference_unreadable", f"{reference}: {why}", expected="a secret that can be read")
