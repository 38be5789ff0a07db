"""What PostgreSQL's errors mean to a caller (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

import asyncpg

from gateway.domain.errors import ConfigurationError, OutOfSpace, Unavailable

AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""The statement was undone because of another one: it may be run again at once."""

OWN = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError)
"""What a statement itself is to blame for: certainly, nothing of it was written."""

_PASSING = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError)


def translate(error: BaseException) -> BaseException:
    """The domain's error for a fault of the database or the way to it; others are the statement's own."""
    if isinstance(error, asyncpg.DiskFullError):
        return OutOfSpace(
            "store_full",
            "The database's disk is full. New events are refused until there is room again.",
            retry_after=60,
        )
    if isinstance(error, TimeoutError):
        return Unavailable("store_timeout", "The database did not answer in time.", retry_after=1)
    if isinstance(error, _PASSING) and not isinstance(error, OWN):
        name = type(error).__name__
        return Unavailable("store_unavailable", f"The database cannot do this now ({name}).", retry_after=1)
    return error


def unusable(where: str, problem: object) -> ConfigurationError:
    """The store cannot be opened; one line, without the password that an address may hold."""
    return ConfigurationError(f"{where}: {' '.join(str(problem).split())}")
