"""Numbered migrations: SQL files `0001_name.sql`, applied in order, each in its own transaction, once.

Here: what a migration is and which ones are due. How one is applied belongs to each store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.domain.errors import ConfigurationError

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. `checksum` is the SHA-256 of its text (hex)."""

    number: int
    name: str
    sql: str
    checksum: str


def load(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder in order. Raises ValueError when their numbers are not 1, 2, 3, ..."""
    migrations: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.match(path.name)
        if match is None or int(match[1]) != len(migrations) + 1:
            raise ValueError(f"{path.name} does not continue 0001_name.sql, 0002_name.sql, ...")
        sql = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        migrations.append(Migration(int(match[1]), match[2], sql, checksum))
    return tuple(migrations)


def due(known: Sequence[Migration], applied: Mapping[int, str], where: str) -> Sequence[Migration]:
    """The migrations still to be applied, given the checksums by number of those that are.

    Raises ConfigurationError when the schema is newer than this program, or was changed afterwards.
    """
    newest = max(applied, default=0)
    if newest > len(known):
        raise ConfigurationError(
            f"{where}: its schema is version {newest}, this program knows up to {len(known)}; "
            "run a newer tocsin"
        )
    for migration in known[:newest]:
        if applied.get(migration.number) != migration.checksum:
            raise ConfigurationError(
                f"{where}: migration {migration.number:04} ({migration.name}) differs from the one that was "
                "applied; run the tocsin that applied it, or restore a backup"
            )
    return known[newest:]
