"""Secrets on their way in: never needed in argv, where every process of the machine can read them.

`-` is a line from stdin, `env:NAME` a variable of this shell, `file:PATH` a file; anything else is the
secret itself. `gateway:env:NAME` and `gateway:file:PATH` are references that the gateway resolves where it
runs, each time it needs the secret (TOCSIN_REFERENCES says which ones it may).
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from gateway.domain.errors import ConfigurationError

BY_GATEWAY = "gateway:"
MAX_SECRET = 64 * 1024
"""Characters that are read of a file or a line."""


def resolve(option: str, word: str) -> str:
    """The secret that a word stands for. Raises ConfigurationError naming the option, never the secret."""
    if word == "-":
        return _from_stdin(option)
    if word.startswith(BY_GATEWAY):
        return word.removeprefix(BY_GATEWAY)
    if word.startswith("env:"):
        return _from_environment(option, word.removeprefix("env:"))
    if word.startswith("file:"):
        return from_file(option, Path(word.removeprefix("file:")))
    return word


def from_file(option: str, path: Path) -> str:
    """What a file holds, without white space around it."""
    try:
        with path.open(encoding="utf-8") as file:
            secret = file.read(MAX_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"{option}: {path} cannot be read: {reason}") from None
    return _not_empty(option, secret, f"the file {path}")


def _from_environment(option: str, name: str) -> str:
    return _not_empty(option, os.environ.get(name, ""), f"the environment variable {name}")


def _from_stdin(option: str) -> str:
    if sys.stdin.isatty():
        return _not_empty(option, getpass(f"{option}: "), "what was typed")
    return _not_empty(option, sys.stdin.readline(MAX_SECRET).strip(), "stdin")


def _not_empty(option: str, secret: str, place: str) -> str:
    if not secret:
        raise ConfigurationError(f"{option}: {place} is empty")
    return secret
