"""Copies of a PostgreSQL store, made and put back by the database's own programs. For a thread: it blocks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from gateway.storage.postgres.faults import unusable

WHOLE = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")


def back_up(dsn: str, where: str, target: Path) -> int:
    """Have `pg_dump` copy the database, as of one moment, into a new file; return its bytes.

    Raises ConfigurationError, one line.
    """
    if target.exists():
        raise unusable(str(target), "there is a file already; name another one")
    part = target.with_name(target.name + ".part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _run("pg_dump", dsn, where, "--format=custom", "--no-owner", f"--file={part}")
        part.replace(target)
    except OSError as error:
        raise unusable(str(target), f"the copy cannot be made ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def restore(dsn: str, where: str, backup: Path) -> None:
    """Have `pg_restore` put a copy in the database's place, all of it or nothing.

    Raises ConfigurationError, one line.
    """
    if not backup.is_file():
        raise unusable(str(backup), "there is no such file")
    _run("pg_restore", dsn, where, *WHOLE, str(backup))


def _run(program: str, dsn: str, where: str, *arguments: str) -> None:
    """The password goes by the environment: everybody can read a command line."""
    found = shutil.which(program)
    if found is None:
        raise unusable(where, f"{program} is needed and not on this machine; install PostgreSQL's client")
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    address = urlunsplit(parts._replace(netloc=f"{name}@{host}" if name else host))
    environment = {**os.environ, **({"PGPASSWORD": unquote(password)} if password else {})}
    done = subprocess.run(  # noqa: S603  no shell, and the operator's own address
        [found, f"--dbname={address}", *arguments],
        env=environment,
        check=False,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise unusable(where, f"{program}: {lines[0]}")
