"""What SQLite's errors mean to a caller."""

from __future__ import annotations

import sqlite3

from gateway.domain.errors import ConfigurationError, OutOfSpace, Unavailable

_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
_PASSING = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_IOERR",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_PROTOCOL",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_NOMEM",
    "SQLITE_INTERRUPT",
    "SQLITE_PERM",
    "SQLITE_AUTH",
)


def is_full(error: BaseException) -> bool:
    """Whether the disk had no room (https://sqlite.org/rescode.html)."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "") in _FULL


def translate(error: BaseException) -> BaseException:
    """The domain's error for a fault of the disk or the file; other errors are the statement's own."""
    if is_full(error):
        return out_of_space("The disk is full.")
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.Error) and name.startswith(_PASSING):
        return Unavailable("store_unavailable", f"The store cannot do this ({name}: {error}).", retry_after=5)
    return error


def out_of_space(detail: str) -> OutOfSpace:
    """The store takes no new events until there is room again."""
    return OutOfSpace(
        "store_full", f"{detail} New events are refused until there is room again.", retry_after=60
    )


def unusable(path: object, problem: str) -> ConfigurationError:
    """The store cannot be opened; one line."""
    return ConfigurationError(f"{path}: {' '.join(problem.split())}")
